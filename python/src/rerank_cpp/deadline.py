"""Keeps the synchronous client within the deadline of a call. The timeouts of httpx are per read or write, so a server
that sends a byte of its headers now and then would block a call for hours; the asyncio client is simply cancelled."""

from __future__ import annotations

import contextlib
import contextvars
import math
import ssl
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpcore
import httpx

WRITTEN_AT_ONCE = 65536  # bytes; the deadline is checked in between

_deadline: contextvars.ContextVar[float] = contextvars.ContextVar("deadline", default=math.inf)


@contextlib.contextmanager
def within(deadline: float) -> Iterator[None]:
    """Network operations of this thread inside end by `deadline`, a time of time.monotonic()."""
    token = _deadline.set(deadline)
    try:
        yield
    finally:
        _deadline.reset(token)


def hold_to_deadlines(client: httpx.Client) -> None:
    """Makes its connections observe `within`. httpx has no public way to set the network backend."""
    for transport in [client._transport, *client._mounts.values()]:
        pool = getattr(transport, "_pool", None)
        if isinstance(pool, httpcore.ConnectionPool):
            pool._network_backend = _Network(pool._network_backend)


def _limited(timeout: float | None, failure: type[Exception]) -> float | None:
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise failure("the deadline has passed")
    if left == math.inf:
        return timeout
    return left if timeout is None else min(left, timeout)


class _Stream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _limited(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for begin in range(0, len(buffer), WRITTEN_AT_ONCE):
            piece = buffer[begin : begin + WRITTEN_AT_ONCE]
            self._stream.write(piece, _limited(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: ssl.SSLContext, server_hostname: str | None = None,
                  timeout: float | None = None) -> httpcore.NetworkStream:
        limit = _limited(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, limit))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Network(httpcore.NetworkBackend):
    def __init__(self, network: httpcore.NetworkBackend) -> None:
        self._network = network

    def connect_tcp(self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
                    socket_options: Iterable[Any] | None = None) -> httpcore.NetworkStream:
        limit = _limited(timeout, httpcore.ConnectTimeout)
        return _Stream(self._network.connect_tcp(host, port, limit, local_address, socket_options))

    def connect_unix_socket(self, path: str, timeout: float | None = None,
                            socket_options: Iterable[Any] | None = None) -> httpcore.NetworkStream:
        limit = _limited(timeout, httpcore.ConnectTimeout)
        return _Stream(self._network.connect_unix_socket(path, limit, socket_options))

    def sleep(self, seconds: float) -> None:
        self._network.sleep(seconds)
