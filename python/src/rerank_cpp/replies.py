"""Results of calls: plain values. A reply unpacks as `items, scores, raw`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

RawReply = dict[str, Any]  # the JSON object in the reply to one request


def _num_tokens(raw: list[RawReply]) -> int | None:
    counts = [reply["usage"].get("total_tokens") for reply in raw if isinstance(reply.get("usage"), dict)]
    numbers = [count for count in counts if isinstance(count, int)]
    return sum(numbers) if raw and len(numbers) == len(raw) else None


def _request_ids(raw: list[RawReply]) -> list[str]:
    return [str(reply.get("id", "")) for reply in raw]


@dataclass(frozen=True)
class RerankItem:
    index: int  # of the document in the call
    score: float  # exactly as the server wrote it
    text: str
    truncated: bool = False  # the server truncated the document


class RerankReply(NamedTuple):
    items: list[RerankItem]  # the `top_n` with the highest scores, best first; ties in the order of the call
    scores: list[float]  # of all documents, in the order of the call
    raw: list[RawReply]  # one per request that was sent

    @property
    def num_tokens(self) -> int | None:
        """Of all pairs; None if the server does not report it."""
        return _num_tokens(self.raw)

    @property
    def request_ids(self) -> list[str]:
        """From the server, one per request."""
        return _request_ids(self.raw)


@dataclass(frozen=True)
class ScoreItem:
    index: int
    score: float
    query: str
    document: str


class ScoreReply(NamedTuple):
    items: list[ScoreItem]  # in the order of the call
    scores: list[float]  # the same order
    raw: list[RawReply]  # one per request that was sent

    @property
    def num_tokens(self) -> int | None:
        """Of all pairs; None if the server does not report it."""
        return _num_tokens(self.raw)

    @property
    def request_ids(self) -> list[str]:
        """From the server, one per request."""
        return _request_ids(self.raw)
