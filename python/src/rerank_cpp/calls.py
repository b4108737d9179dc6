"""Turns the arguments of a call into requests, and their replies into the reply of the call."""

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
    """Options of a call; None is the same as omitting one."""

    model: str | None  # default: from the settings
    instruction: str | None  # what makes a document relevant; default: the server's
    truncate: bool | None  # False: a document that is too long is an error instead of being truncated
    max_tokens_per_doc: int | None
    max_tokens_per_query: int | None
    priority: int | None  # lower numbers are served first
    raw_scores: bool | None  # the difference of the logits instead of its sigmoid
    request_id: str | None  # in the server's log and in the reply; default: random
    timeout: float | None  # seconds for the whole call, 0: no limit; default: from the settings
    extra: dict[str, Any] | None  # additional fields of the body, unchanged


NOT_IN_BODY = ("request_id", "timeout", "extra")


@dataclass(frozen=True)
class Call(Generic[Reply]):
    """The requests of a call, its time limit, and how its reply is assembled."""

    parts: list[Part]
    seconds: float
    join: Callable[[list[PartReply]], Reply]

    def deadline(self) -> float:
        """The deadline of a call that starts now, a time of time.monotonic()."""
        return time.monotonic() + self.seconds


def rerank_call(settings: Settings, query: str, documents: Sequence[str], top_n: int | None,
                options: CallOptions) -> Call[RerankReply]:
    """Raises ValueError or TypeError for invalid arguments. All scores are requested whatever top_n is: they are part
    of the reply."""
    texts = _texts("documents", documents)
    if not isinstance(query, str):
        raise TypeError(f"query is {type(query).__name__}, not str")
    if top_n is not None and top_n < 0:
        raise ValueError(f"top_n is {top_n}: use 1 or more, or omit it for all")
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
    """Raises ValueError or TypeError for invalid arguments."""
    left = [queries] if isinstance(queries, str) else _texts("queries", queries)
    right = [documents] if isinstance(documents, str) else _texts("documents", documents)
    if len(left) not in (1, len(right)):
        raise ValueError(f"queries has {len(left)} texts and documents {len(right)}: use one query, or one per document")
    parts = score_parts(left, right, _fields(settings, options), _request_id(options), settings)

    def join(replies: list[PartReply]) -> ScoreReply:
        scores = [score for reply in replies for score in reply.scores]
        items = [ScoreItem(index, score, left[index if len(left) > 1 else 0], right[index])
                 for index, score in enumerate(scores)]
        return ScoreReply(items, scores, [reply.raw for reply in replies])

    return Call(parts, _seconds(settings, options), join)


def _texts(name: str, value: Sequence[str]) -> list[str]:
    if isinstance(value, (str, bytes)):
        raise TypeError(f"{name} is a single text: pass a list of texts")
    texts = list(value)
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"{name}[{index}] is {type(text).__name__}, not str")
    return texts


def _fields(settings: Settings, options: CallOptions) -> dict[str, Any]:
    """The fields of a body besides its texts. A misspelt option is an error here, as not everybody uses a type checker."""
    unknown = sorted(set(options) - set(CallOptions.__annotations__))
    if unknown:
        raise TypeError(f"{unknown[0]} is not an option of a call; the options are {', '.join(CallOptions.__annotations__)}")
    fields: dict[str, Any] = {name: value for name, value in options.items() if name not in NOT_IN_BODY}
    fields["model"] = options.get("model") or settings.model or None
    return {**fields, **(options.get("extra") or {})}


def _request_id(options: CallOptions) -> str:
    return options.get("request_id") or uuid.uuid4().hex


def _seconds(settings: Settings, options: CallOptions) -> float:
    asked = options.get("timeout")
    seconds = settings.timeout if asked is None else asked
    if not 0 <= seconds <= LONGEST_TIMEOUT:
        raise ValueError(f"timeout is {seconds}: use 0 (no limit) to {LONGEST_TIMEOUT} seconds")
    return seconds or math.inf
