"""One request with its retries: when to retry, how long to wait, what to raise. It neither sends nor sleeps, so both
clients share it."""

from __future__ import annotations

import email.utils
import json
import math
import random
import ssl
import time
from collections.abc import Mapping
from typing import TypeVar

import httpx

from .errors import ConnectionFailed, DeadlineExceeded, MalformedReply, RerankError, StatusError
from .settings import Settings
from .wire import Part, PartReply, read_part

RETRIED_STATUS = (429, 502, 503)
FIRST_BACKOFF = 0.1  # seconds; doubled with each attempt
LONGEST_BACKOFF = 10.0
LONGEST_ASKED = 120.0  # seconds of a Retry-After; longer ones are not waited for
LONGEST_SHOWN = 500  # characters of a server message
# Limit of a reply: it contains little more than the request, and Python objects take up to 25 times its bytes.
REPLY_BYTES, REPLY_BYTES_OF_PAIR, REPLY_BYTES_OF_SENT = 1 << 20, 4096, 4
ERROR_BYTES = 1 << 20  # the most that is read of an error reply

AnyError = TypeVar("AnyError", bound=RerankError)


def _shown(text: str, most: int = LONGEST_SHOWN) -> str:
    """On one line, without control characters, and not too long."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:most]


def _server_message(body: bytes) -> str:
    """The error message in a reply of OpenAI, vLLM, Cohere, Jina, FastAPI or TEI."""
    text = body.decode(errors="replace")
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        said = text
    if isinstance(said, dict):
        error = said.get("error")
        nested = error.get("message") if isinstance(error, dict) else error
        said = nested or said.get("message") or said.get("detail") or text
    if not isinstance(said, str):
        said = json.dumps(said)
    return _shown(said)


def _seconds_to_wait(header: str | None) -> float | None:
    """The value of a Retry-After header, a number of seconds or a date; None if it is neither."""
    if header is None:
        return None
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except (TypeError, ValueError, OverflowError):
            return None
    return max(0.0, seconds) if seconds < 1e9 else None


def _is_wrong_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _limit(seconds: float) -> float | None:
    return seconds if seconds < math.inf else None


class Exchange:
    """The attempts of one part until `deadline`, a time of time.monotonic()."""

    def __init__(self, part: Part, settings: Settings, deadline: float) -> None:
        self.part = part
        self._settings = settings
        self._deadline = deadline
        self._attempts = 0
        self._reply_began = False

    @property
    def url(self) -> str:
        return self._settings.base_url + self.part.path

    @property
    def deadline(self) -> float:
        return self._deadline

    @property
    def time_limit(self) -> float | None:
        """The remaining time in seconds."""
        return _limit(max(self._time_left(), 0.0))

    def begin(self) -> tuple[dict[str, str], httpx.Timeout]:
        """Headers and timeouts of the next attempt. Raises DeadlineExceeded if no time is left."""
        left = self._time_left()
        if left <= 0:
            raise self.too_late()
        self._attempts += 1
        self._reply_began = False
        headers = {"Content-Type": "application/json", "X-Request-Id": self.part.request_id}
        if self._settings.api_key:
            headers["Authorization"] = f"Bearer {self._settings.api_key}"
        if left < math.inf:
            headers["X-Request-Timeout"] = f"{left:.3f}"  # rerank.cpp stops working on expired requests
        return headers, httpx.Timeout(_limit(left), connect=_limit(min(left, self._settings.connect_timeout or math.inf)))

    def reply_began(self, response: httpx.Response) -> bool:
        """Call when the headers have arrived. Returns whether to read the body, for which the remaining time is set."""
        self._reply_began = True
        limits = response.request.extensions.get("timeout")
        if isinstance(limits, dict):
            limits["read"] = _limit(max(self._time_left(), 0.001))
        # None was requested: a small compressed reply may be huge.
        is_compressed = response.headers.get("content-encoding", "identity").lower() not in ("", "identity")
        if is_compressed and response.status_code == 200:
            raise self._error(MalformedReply, "the reply is compressed, which was not requested", 200)
        return not is_compressed

    def take(self, piece: bytes, body: bytearray, response: httpx.Response) -> bool:
        """Adds a piece to the body. Returns whether to read more."""
        if self._time_left() <= 0:
            raise self.too_late()
        if response.status_code != 200:
            body += piece[: ERROR_BYTES - len(body)]
            return len(body) < ERROR_BYTES
        part = self.part
        limit = min(self._settings.max_reply_bytes,
                    REPLY_BYTES + REPLY_BYTES_OF_PAIR * part.count + REPLY_BYTES_OF_SENT * len(part.body))
        if len(body) + len(piece) > limit:
            raise self._error(MalformedReply, f"the reply is longer than {limit} bytes: check that the URL is that of a reranker", 200)
        body += piece
        return True

    def failed(self, error: httpx.RequestError) -> float:
        """Seconds to wait after an attempt without a complete reply. Raises if there is no retry."""
        if self._time_left() <= 0 or isinstance(error, (httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout)):
            raise self.too_late() from error
        said = str(error) or type(error).__name__
        if self._reply_began:
            raise self._error(ConnectionFailed, f"the connection was lost during the reply: {said}") from error
        final = isinstance(error, (httpx.UnsupportedProtocol, httpx.LocalProtocolError)) or _is_wrong_certificate(error)
        failure = self._error(ConnectionFailed, f"no reply: {said}")
        if final:
            raise failure from error
        return self._wait_or_raise(failure, None)

    def answered(self, response: httpx.Response, body: bytes) -> PartReply | float:
        """The scores, or seconds to wait before the next attempt. Raises if there is no retry."""
        if response.status_code == 200:
            try:
                return read_part(self.part, body)
            except MalformedReply as error:
                raise self._error(MalformedReply, f"invalid reply: {error}", 200) from error
        message = _server_message(body)
        if response.is_redirect:
            message = f"the server has moved to {_shown(response.headers.get('location', 'another URL'))}: set url to that"
        failure = self._error(StatusError, f"{response.status_code} {response.reason_phrase}: {message}",
                              response.status_code, message, response.headers)
        if response.status_code not in RETRIED_STATUS:
            raise failure
        return self._wait_or_raise(failure, _seconds_to_wait(response.headers.get("retry-after")))

    def too_late(self) -> DeadlineExceeded:
        return self._error(DeadlineExceeded, "no scores within the timeout: increase it or send fewer documents")

    def _time_left(self) -> float:
        return self._deadline - time.monotonic()

    def _wait_or_raise(self, failure: RerankError, asked: float | None) -> float:
        backoff = min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (self._attempts - 1))
        # Full jitter, so that clients that failed together do not retry together.
        seconds = random.uniform(0, backoff) + (asked or 0)
        too_long = seconds >= self._time_left() or (asked or 0) > LONGEST_ASKED
        if self._attempts > self._settings.max_retries or too_long:
            raise failure
        return seconds

    def _error(self, kind: type[AnyError], text: str, status: int = 0, message: str = "",
               headers: Mapping[str, str] | None = None) -> AnyError:
        request_id = _shown((headers or {}).get("x-request-id", ""), 200) or self.part.request_id
        tries = f" ({self._attempts} attempts)" if self._attempts > 1 else ""
        shown = httpx.URL(self.url).copy_with(userinfo=b"")
        return kind(f"{shown}: {self.part.pairs}{text}{tries} [request {request_id}]", status=status,
                    server_message=message, request_id=request_id, num_attempts=self._attempts)
