"""A call from its arguments to the requests it needs, and from their replies to its own."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypedDict, TypeVar

from .replies import RerankItem, RerankReply, ScoreItem, ScoreReply
from .settings import LONGEST_TIMEOUT, Settings
from .wire import Part, PartReply, rerank_parts, score_parts

Reply = TypeVar("Reply")


class CallOptions(TypedDict, total=False):
    """What a call may say besides its texts; None is the same as leaving it out."""

    model: str | None  # else the settings'
    instruction: str | None  # what makes a document relevant; else the server's default
    truncate: bool | None  # False: a document that is too long is an error instead of being cut
    max_tokens_per_doc: int | None
    max_tokens_per_query: int | None
    priority: int | None  # lower numbers are served first
    raw_scores: bool | None  # the difference of the logits instead of its sigmoid
    request_id: str | None  # in the server's log and in the reply; else made up
    timeout: float | None  # seconds for the whole call, 0: no limit; else the settings'
    extra: dict[str, Any] | None  # further fields of the body, as they are


NOT_IN_BODY = ("request_id", "timeout", "extra")


@dataclass(frozen=True)
class Call(Generic[Reply]):
    """The requests of a call, how long it may take, and what its reply is made of."""

    parts: list[Part]
    seconds: float
    join: Callable[[list[PartReply]], Reply]

    def deadline(self) -> float:
        """If it starts now, by time.monotonic()."""
        return time.monotonic() + self.seconds


def rerank_call(settings: Settings, query: str, documents: Sequence[str], top_n: int | None,
                options: CallOptions) -> Call[RerankReply]:
    """Raises ValueError or TypeError for what cannot be asked. The server is asked for all scores, whatever top_n is:
    they are part of what a call gives back."""
    texts = _texts("documents", documents)
    if not isinstance(query, str):
        raise TypeError(f"query is {type(query).__name__}: give a text")
    if top_n is not None and top_n < 0:
        raise ValueError(f"top_n is {top_n}: give 1 or more, or leave it out for all")
    parts = rerank_parts(query, texts, _fields(settings, options), _request_id(options), settings)

    def join(replies: list[PartReply]) -> RerankReply:
        scores = [score for reply in replies for score in reply.scores]
        truncated = [cut for reply in replies for cut in reply.truncated]
        order = sorted(range(len(scores)), key=lambda index: -scores[index])[: top_n or None]
        items = [RerankItem(index, scores[index], texts[index], truncated[index]) for index in order]
        return RerankReply(items, scores, [reply.raw for reply in replies])

    return Call(parts, _seconds(settings, options), join)


def score_call(settings: Settings, queries: str | Sequence[str], documents: str | Sequence[str],
               options: CallOptions) -> Call[ScoreReply]:
    """Raises ValueError or TypeError for what cannot be asked."""
    left = [queries] if isinstance(queries, str) else _texts("queries", queries)
    right = [documents] if isinstance(documents, str) else _texts("documents", documents)
    if len(left) not in (1, len(right)):
        raise ValueError(f"queries has {len(left)} texts and documents {len(right)}: give one query, or one for each")
    parts = score_parts(left, right, _fields(settings, options), _request_id(options), settings)

    def join(replies: list[PartReply]) -> ScoreReply:
        scores = [score for reply in replies for score in reply.scores]
        items = [ScoreItem(index, score, left[index if len(left) > 1 else 0], right[index])
                 for index, score in enumerate(scores)]
        return ScoreReply(items, scores, [reply.raw for reply in replies])

    return Call(parts, _seconds(settings, options), join)


def _texts(name: str, value: Sequence[str]) -> list[str]:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name} is one text: give a list of texts")
    texts = list(value)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{index}] is {type(text).__name__}, not str")
    return texts


def _fields(settings: Settings, options: CallOptions) -> dict[str, Any]:
    """The fields of a body besides its texts. Not everybody has a type checker, so a misspelt name is an error here."""
    unknown = sorted(set(options) - set(CallOptions.__annotations__))
    if unknown:
        raise TypeError(f"{unknown[0]} is no option of a call; there are {', '.join(CallOptions.__annotations__)}")
    fields: dict[str, Any] = {name: value for name, value in options.items() if name not in NOT_IN_BODY}
    fields["model"] = options.get("model") or settings.model or None
    return {**fields, **(options.get("extra") or {})}


def _request_id(options: CallOptions) -> str:
    return options.get("request_id") or uuid.uuid4().hex


def _seconds(settings: Settings, options: CallOptions) -> float:
    asked = options.get("timeout")
    seconds = settings.timeout if asked is None else asked
    if not 0 <= seconds <= LONGEST_TIMEOUT:
        raise ValueError(f"timeout is {seconds}: give at most {LONGEST_TIMEOUT} seconds, or 0 for no limit")
    return seconds or math.inf
