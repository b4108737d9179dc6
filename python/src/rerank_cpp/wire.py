"""Writes HTTP bodies and reads replies. Sends nothing."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import MalformedReply
from .replies import RawReply
from .settings import Settings


@dataclass(frozen=True)
class Part:
    """One HTTP request of a call, for the pairs `first` to `first + count - 1`."""

    path: str
    body: bytes
    request_id: str
    first: int
    count: int
    of: int  # pairs in the whole call

    @property
    def pairs(self) -> str:
        return "" if self.count == self.of else f"documents {self.first} to {self.first + self.count - 1}: "


@dataclass(frozen=True)
class PartReply:
    """A decoded reply with the scores of its part."""

    raw: RawReply
    scores: list[float]
    truncated: list[bool]


def _encoded(name: str, text: str) -> bytes:
    try:
        return json.dumps(text, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} contains half of a surrogate pair at character {error.start - 1}: "
                         "decode its bytes with errors='replace'") from error


def _cut(sizes: list[int], settings: Settings) -> list[tuple[int, int]]:
    """Splits into runs of (first, count) within the limits of a request; a text above them is a run of its own."""
    runs = []
    first, run_bytes = 0, 0
    for index, size in enumerate(sizes):
        full = index - first == settings.documents_of_a_request
        if index > first and (full or run_bytes + size > settings.max_request_bytes):
            runs.append((first, index - first))
            first, run_bytes = index, 0
        run_bytes += size
    runs.append((first, len(sizes) - first))
    return runs


def _field(name: str, encoded: list[bytes]) -> bytes:
    return b'"' + name.encode() + b'": [' + b", ".join(encoded) + b"]"


def _other_fields(fields: Mapping[str, Any]) -> list[bytes]:
    return [f"{json.dumps(name)}: {json.dumps(value)}".encode() for name, value in fields.items() if value is not None]


def _parts(path: str, runs: list[tuple[int, int]], request_id: str,
           fields_of: Callable[[int, int], list[bytes]]) -> list[Part]:
    of = sum(count for _, count in runs)
    return [Part(path, b"{" + b", ".join(fields_of(first, first + count)) + b"}",
                 request_id if len(runs) == 1 else f"{request_id}-{number}", first, count, of)
            for number, (first, count) in enumerate(runs)]


def rerank_parts(query: str, documents: list[str], fields: Mapping[str, Any], request_id: str,
                 settings: Settings) -> list[Part]:
    """The requests of a rerank call; none if there are no documents."""
    if not documents:
        return []
    encoded = [_encoded(f"documents[{index}]", text) for index, text in enumerate(documents)]
    head = [b'"query": ' + _encoded("query", query), *_other_fields(fields), b'"return_documents": false']
    return _parts("/v1/rerank", _cut([len(text) for text in encoded], settings), request_id,
                  lambda first, end: [*head, _field("documents", encoded[first:end])])


def score_parts(queries: list[str], documents: list[str], fields: Mapping[str, Any], request_id: str,
                settings: Settings) -> list[Part]:
    """The requests of a score call with one query or one per document; none if there are no documents. Every version of
    vLLM accepts the names text_1 and text_2."""
    if not documents:
        return []
    right = [_encoded(f"documents[{index}]", text) for index, text in enumerate(documents)]
    left = [_encoded(f"queries[{index}]", text) for index, text in enumerate(queries)]
    paired = len(queries) > 1
    sizes = [len(text) + (len(left[index]) if paired else 0) for index, text in enumerate(right)]
    head = _other_fields(fields)

    def fields_of(first: int, end: int) -> list[bytes]:
        return [*head, _field("text_1", left[first:end] if paired else left), _field("text_2", right[first:end])]

    return _parts("/v1/score", _cut(sizes, settings), request_id, fields_of)


def _number(item: dict[str, Any], names: tuple[str, ...]) -> float:
    value = next((item[name] for name in names if name in item), None)
    try:
        if not isinstance(value, bool) and isinstance(value, (int, float)) and math.isfinite(value):
            return float(value)
    except OverflowError:  # an int with hundreds of digits
        pass
    raise MalformedReply(f"{names[0]} is {value!r:.100}, not a number")


def read_part(part: Part, body: bytes) -> PartReply:
    """The scores of a part. Raises MalformedReply unless there is exactly one for each pair."""
    try:
        raw = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedReply(f"not JSON: {error}") from error
    results = next((raw[name] for name in ("results", "data") if name in raw), None) if isinstance(raw, dict) else None
    if not isinstance(results, list):
        raise MalformedReply("it contains neither a list results nor data: check that the URL is that of a reranker")
    scores: list[float | None] = [None] * part.count
    truncated = [False] * part.count
    for item in results:
        index = item.get("index") if isinstance(item, dict) else None
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < part.count:
            raise MalformedReply(f"index {index!r:.100} is not one of the {part.count} that were sent")
        if scores[index] is not None:
            raise MalformedReply(f"index {index} occurs twice")
        scores[index] = _number(item, ("relevance_score", "score"))
        truncated[index] = item.get("truncated") is True
    found = [score for score in scores if score is not None]
    if len(found) < part.count:
        raise MalformedReply(f"{len(found)} scores for {part.count} pairs; index {scores.index(None)} is missing")
    return PartReply(raw, found, truncated)
