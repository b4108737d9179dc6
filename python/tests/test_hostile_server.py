"""What a client stands from a server that means harm: memory, time and what it shows are bounded."""

from __future__ import annotations

import dataclasses
import gzip
import time
import tracemalloc
from typing import Any

import pytest

from conftest import CallFunction
from rerank_cpp import Client, DeadlineExceeded, MalformedReply, RerankError, Settings, SettingsError, StatusError
from stand_in import Handler, StandIn, Step, reply


def sends(*pieces: bytes, pause: float = 0) -> Step:
    """These bytes, the last of them for ever."""

    def step(handler: Handler) -> None:
        handler.close_connection = True
        last = pieces[-1]
        try:
            for piece in pieces[:-1]:
                handler.wfile.write(piece)
            while not handler.stand_in.released.is_set():
                handler.wfile.write(last)
                if pause:
                    handler.stand_in.released.wait(pause)
        except OSError:
            pass

    return step


OKAY = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OKAY + b"Transfer-Encoding: chunked\r\n\r\n"
MEGABYTE = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"


@pytest.mark.parametrize("step", [
    sends(CHUNKED, MEGABYTE), sends(OKAY + b"Content-Length: 1000000000\r\n\r\n", b" " * 65536),
    sends(OKAY + b"\r\n", b"[" * 65536)], ids=["chunks", "length", "until it closes"])
def test_a_body_without_end(call: CallFunction, settings: Settings, server: StandIn, step: Step) -> None:
    server.then([step])
    tracemalloc.start()
    with pytest.raises(MalformedReply, match="the reply is longer than 10[0-9]{5} bytes"):
        call(settings, "rerank", "query", ["a"])
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert len(server.requests) == 1


def test_a_limit_of_one_s_own(call: CallFunction, settings: Settings, server: StandIn) -> None:
    with pytest.raises(MalformedReply, match="longer than 10 bytes"):
        call(dataclasses.replace(settings, max_reply_bytes=10), "rerank", "query", ["a"])


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "gzip, gzip", "unknown"])
def test_a_bomb_is_not_inflated(call: CallFunction, settings: Settings, server: StandIn, coding: str) -> None:
    server.then([reply(200, gzip.compress(b" " * 100_000_000), Content_Encoding=coding)])
    tracemalloc.start()
    with pytest.raises(MalformedReply, match="compressed, which was not requested"):
        call(settings, "rerank", "query", ["a"])
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert server.requests[0][1]["accept-encoding"] == "identity"
    server.then([reply(400, gzip.compress(b" " * 1_000_000), Content_Encoding=coding)])
    with pytest.raises(StatusError, match="400"):
        call(settings, "rerank", "query", ["a"])


def test_of_a_refusal_only_the_beginning_is_read(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([sends(CHUNKED.replace(b"200 OK", b"400 No"), b"8000\r\n" + b"you " * 8192 + b"\r\n")])
    with pytest.raises(StatusError, match="400 No: you you") as caught:
        call(settings, "rerank", "query", ["a"])
    assert len(caught.value.server_message) <= 500


@pytest.mark.parametrize("step", [
    sends(OKAY, b"X-More: " + b"a" * 1000 + b"\r\n"), sends(OKAY, b"a" * 1000),
    sends(b"HTTP/1.1 200 ", b"a" * 1000)], ids=["headers", "header", "status"])
def test_a_head_without_end(call: CallFunction, settings: Settings, server: StandIn, step: Step) -> None:
    server.then([step])
    with pytest.raises(RerankError):
        call(dataclasses.replace(settings, max_retries=0), "rerank", "query", ["a"])
    assert len(server.requests) == 1


@pytest.mark.parametrize("step", [
    sends(OKAY, b"a", pause=0.05), sends(b"HTTP/1.1 100 Continue\r\n\r\n", pause=0.05),
    sends(OKAY + b"Content-Length: 90000\r\n\r\n", b" ", pause=0.05), sends(CHUNKED, b"1\r\n \r\n", pause=0.05),
    sends(CHUNKED + b"1;", b"a", pause=0.05), sends(CHUNKED + b"0\r\n", b"X: a\r\n", pause=0.05)],
    ids=["head", "continue", "body", "chunks", "chunk's head", "trailers"])
def test_what_drips_ends_at_the_deadline(call: CallFunction, settings: Settings, server: StandIn, step: Step) -> None:
    server.then([step])
    begin = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        call(settings, "rerank", "query", ["a"], timeout=0.5)
    assert 0.5 <= time.monotonic() - begin < 4


def test_a_server_that_reads_slowly(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.read_slowly = True
    begin = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        call(settings, "rerank", "query", ["a" * 20_000_000], timeout=1)
    assert time.monotonic() - begin < 5


@pytest.mark.parametrize(("body", "words"), [
    (b'{"results": ' + b"[" * 500_000, "not JSON"), (b'{"a":' * 100_000, "not JSON"), (b"1" * 500_000, "not JSON|neither"),
    (b'{"results": [{"index": "' + b"a" * 900_000 + b'"}]}', "index '?aaa.* is not one of the 1"),
    (b'{"results": [{"index": 0, "score": 1e999}]}', "relevance_score is inf"),
    (b'{"results": [{"index": 1e0, "score": 1}]}', "index 1.0 is not one"),
], ids=["lists", "objects", "digits", "index", "infinite", "float"])
def test_json_that_means_harm(call: CallFunction, settings: Settings, server: StandIn, body: bytes, words: str) -> None:
    server.then([reply(200, body)])
    with pytest.raises(MalformedReply, match=words) as caught:
        call(settings, "rerank", "query", ["a"])
    assert len(str(caught.value)) < 1000


def test_nothing_that_steers_a_terminal(call: CallFunction, settings: Settings, server: StandIn) -> None:
    evil = "a\x9b31mb\x85"  # no other controls may stand in a head
    server.then([reply(307, b"", Location=f"http://elsewhere/{evil}", X_Request_Id=evil + "x" * 5000),
                 reply(400, {"message": evil + "\x1b[31m\u202e\u2028d\x01"})])
    for _ in range(2):
        with pytest.raises(StatusError) as caught:
            call(settings, "rerank", "query", ["a"])
        for text in (str(caught.value), caught.value.server_message, caught.value.request_id):
            assert text.isprintable()
        assert len(caught.value.request_id) <= 200


def test_nobody_waits_as_long_as_a_server_likes(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([reply(503, {}, Retry_After="86400")])
    with pytest.raises(StatusError):
        call(settings, "rerank", "query", ["a"], timeout=0)
    server.then([reply(503, {}, Retry_After=text)
                 for text in ("Mon, 01 Jan 0001 00:00:00 -0000", "Mon, 99 Jan 9999 99:99:99 GMT", "1e308", "-inf")])
    assert call(dataclasses.replace(settings, max_retries=4), "rerank", "query", ["a"]).scores == [0.001]


@pytest.mark.parametrize(("name", "value"), [
    ("max_retries", 1001), ("max_connections", 4097), ("max_documents_per_request", 10_000_001), ("timeout", 1e7),
    ("timeout", float("nan")), ("connect_timeout", float("inf")), ("max_request_bytes", 1 << 40),
    ("max_reply_bytes", 0), ("max_retries", -1)])
def test_numbers_have_bounds(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=f"{name} is .*: use a number between"):
        Settings(**{name: value})


@pytest.mark.parametrize("timeout", [1e7, float("inf"), float("nan"), -1])
def test_a_call_s_timeout_has_bounds(settings: Settings, timeout: float) -> None:
    with Client(settings) as client, pytest.raises(ValueError, match="use 0 \\(no limit\\) to 1000000 seconds"):
        client.rerank("query", ["a"], timeout=timeout)
