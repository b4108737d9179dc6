"""The client for asyncio; client.py documents its methods."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import httpx

from .calls import Call, CallOptions, Reply, rerank_call, score_call
from .errors import RerankError
from .exchange import Exchange
from .replies import RerankReply, ScoreReply
from .settings import Settings
from .transport import connection_options, session_options
from .wire import Part, PartReply

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack


class AsyncClient:
    """Scores with a server over persistent connections, for the tasks of one event loop. Close it, or use it in an
    async with statement. Cancelling a call aborts its requests.

    Without settings, uses Settings.load(). `transport` is for tests and custom proxies."""

    def __init__(self, settings: Settings | None = None, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.settings = settings if settings is not None else Settings.load()
        if transport is None and self.settings.unix_socket:
            transport = httpx.AsyncHTTPTransport(uds=self.settings.unix_socket, **connection_options(self.settings))
        self._http = httpx.AsyncClient(transport=transport, **session_options(self.settings))

    async def rerank(self, query: str, documents: Sequence[str], *, top_n: int | None = None,
                     **options: Unpack[CallOptions]) -> RerankReply:
        return await self._complete(rerank_call(self.settings, query, documents, top_n, options))

    async def score(self, queries: str | Sequence[str], documents: str | Sequence[str],
                    **options: Unpack[CallOptions]) -> ScoreReply:
        return await self._complete(score_call(self.settings, queries, documents, options))

    async def aclose(self) -> None:
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None,
                        trace: TracebackType | None) -> None:
        await self.aclose()

    async def _complete(self, call: Call[Reply]) -> Reply:
        deadline = call.deadline()
        tasks = [asyncio.create_task(self._send(part, deadline)) for part in call.parts]
        try:
            # The first failure ends the call: the other scores would be useless.
            for done in asyncio.as_completed(tasks):
                await done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return call.join([task.result() for task in tasks])

    async def _send(self, part: Part, deadline: float) -> PartReply:
        exchange = Exchange(part, self.settings, deadline)
        while True:
            headers, limits = exchange.begin()
            request = self._http.build_request("POST", exchange.url, content=part.body, headers=headers, timeout=limits)
            try:
                # The timeouts of httpx are per read: a reply may arrive in small pieces forever.
                response, body = await asyncio.wait_for(self._ask(exchange, request), exchange.time_limit)
            except RerankError:
                raise
            except asyncio.TimeoutError:
                raise exchange.too_late() from None
            except httpx.RequestError as error:
                wait = exchange.failed(error)
            else:
                outcome = exchange.answered(response, body)
                if isinstance(outcome, PartReply):
                    return outcome
                wait = outcome
            await asyncio.sleep(wait)

    async def _ask(self, exchange: Exchange, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        response = await self._http.send(request, stream=True)
        body = bytearray()
        try:
            if exchange.reply_began(response):
                async for piece in response.aiter_raw():
                    if not exchange.take(piece, body, response):
                        break
        finally:
            await response.aclose()
        return response, bytes(body)
