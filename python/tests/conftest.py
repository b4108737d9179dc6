"""What the tests share: a stand-in server, and each call made by the client and by the one for asyncio."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rerank_cpp import AsyncClient, Client, Settings
from stand_in import StandIn

# call(settings, "rerank", "query", [...]): what the client's method gives back.
CallFunction = Callable[..., Any]


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    """No setting of the machine reaches a test."""
    for name in list(os.environ):
        if name.startswith("RERANK_") and not name.startswith("RERANK_TEST_") or name in ("VLLM_API_KEY", "ENV_FILE"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def server() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.end()


@pytest.fixture
def settings(server: StandIn) -> Settings:
    return Settings(url=server.url, timeout=30, verify_tls=False)  # reading all certificates takes 20 ms a client


def _by_client(settings: Settings, method: str, *arguments: Any, **options: Any) -> Any:
    with Client(settings) as client:
        return getattr(client, method)(*arguments, **options)


def _by_async_client(settings: Settings, method: str, *arguments: Any, **options: Any) -> Any:
    async def run() -> Any:
        async with AsyncClient(settings) as client:
            return await getattr(client, method)(*arguments, **options)

    return asyncio.run(run())


@pytest.fixture(params=[_by_client, _by_async_client], ids=["sync", "async"])
def call(request: pytest.FixtureRequest) -> CallFunction:
    assert inspect.isfunction(request.param)
    return request.param
