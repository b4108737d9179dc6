"""The synchronous client; async_client.py has the same for asyncio."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import httpx

from .calls import Call, CallOptions, Reply, rerank_call, score_call
from .deadline import hold_to_deadlines, within
from .exchange import Exchange
from .replies import RerankReply, ScoreReply
from .settings import Settings
from .transport import connection_options, session_options
from .wire import Part, PartReply

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class Client:
    """Scores with a server over persistent connections. Thread-safe. Close it, or use it in a with statement.

    Without settings, uses Settings.load(). `transport` is for tests and custom proxies."""

    def __init__(self, settings: Settings | None = None, *, transport: httpx.BaseTransport | None = None) -> None:
        self.settings = settings if settings is not None else Settings.load()
        if transport is None and self.settings.unix_socket:
            transport = httpx.HTTPTransport(uds=self.settings.unix_socket, **connection_options(self.settings))
        self._http = httpx.Client(transport=transport, **session_options(self.settings))
        hold_to_deadlines(self._http)
        self._threads: concurrent.futures.ThreadPoolExecutor | None = None
        self._starting = threading.Lock()

    def rerank(self, query: str, documents: Sequence[str], *, top_n: int | None = None,
               **options: Unpack[CallOptions]) -> RerankReply:
        """Ranks documents for a query: the `top_n` items with the highest scores, best first, and the scores of all
        documents in their original order. Raises RerankError."""
        return self._complete(rerank_call(self.settings, query, documents, top_n, options))

    def score(self, queries: str | Sequence[str], documents: str | Sequence[str],
              **options: Unpack[CallOptions]) -> ScoreReply:
        """Scores pairs: one query with each document, or each query with the document at the same index. Raises
        RerankError."""
        return self._complete(score_call(self.settings, queries, documents, options))

    def close(self) -> None:
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def _complete(self, call: Call[Reply]) -> Reply:
        deadline = call.deadline()
        stopped = threading.Event()
        if len(call.parts) < 2:
            return call.join([self._send(part, deadline, stopped) for part in call.parts])
        futures = [self._pool().submit(self._send, part, deadline, stopped) for part in call.parts]
        try:
            # The first failure ends the call: the other scores would be useless.
            for done in concurrent.futures.as_completed(futures):
                done.result()
        finally:
            stopped.set()
            for future in futures:
                future.cancel()
        return call.join([future.result() for future in futures])

    def _pool(self) -> concurrent.futures.ThreadPoolExecutor:
        with self._starting:
            if self._threads is None:
                self._threads = concurrent.futures.ThreadPoolExecutor(self.settings.max_connections, "rerank-cpp")
            return self._threads

    def _send(self, part: Part, deadline: float, stopped: threading.Event) -> PartReply:
        exchange = Exchange(part, self.settings, deadline)
        while True:
            headers, limits = exchange.begin()
            request = self._http.build_request("POST", exchange.url, content=part.body, headers=headers, timeout=limits)
            try:
                with within(deadline):
                    response = self._http.send(request, stream=True)
                    try:
                        body = self._read(exchange, response)
                    finally:
                        response.close()
            except httpx.RequestError as error:
                wait = exchange.failed(error)
            else:
                outcome = exchange.answered(response, body)
                if isinstance(outcome, PartReply):
                    return outcome
                wait = outcome
            if stopped.wait(wait):
                raise exchange.too_late()

    @staticmethod
    def _read(exchange: Exchange, response: httpx.Response) -> bytes:
        body = bytearray()
        if exchange.reply_began(response):
            for piece in response.iter_raw():
                if not exchange.take(piece, body, response):
                    break
        return bytes(body)
