"""What happens on a bad day: which failures are tried again, how long that takes, and what is raised in the end."""

from __future__ import annotations

import asyncio
import dataclasses
import email.utils
import socket
import time
from typing import Any

import pytest

from conftest import CallFunction
from rerank_cpp import (
    AsyncClient,
    Client,
    ConnectionFailed,
    DeadlineExceeded,
    MalformedReply,
    RerankError,
    Settings,
    StatusError,
)
from stand_in import StandIn, break_off, drip, hang_up, head_only, reply, reset, right, slow

VLLM_ERROR = {"error": {"message": "the model is loading", "type": "ServiceUnavailable"}}


@pytest.mark.parametrize("step", [
    reply(429, {"message": "too much work"}), reply(502, b"<html>bad gateway</html>"), reply(503, VLLM_ERROR), hang_up,
    reset], ids=["429", "502", "503", "hang up", "reset"])
def test_tried_again(call: CallFunction, settings: Settings, server: StandIn, step: Any) -> None:
    server.then([step, step])
    assert call(settings, "rerank", "query", ["a"]).scores == [0.001]
    assert len(server.requests) == 3
    assert len({headers["x-request-id"] for _, headers, _ in server.requests}) == 1


def test_attempts_end(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([reply(503, VLLM_ERROR, X_Request_Id="of-server")] * 3)
    settings = dataclasses.replace(settings, max_retries=2)
    with pytest.raises(StatusError, match=r"/v1/score: 503 .*: the model is loading \(3 attempts\)") as caught:
        call(settings, "score", "query", ["a"])
    error = caught.value
    assert (error.status, error.server_message, error.request_id, error.num_attempts) == (
        503, "the model is loading", "of-server", 3)
    assert len(server.requests) == 3


def test_no_retries_at_all(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([hang_up])
    with pytest.raises(ConnectionFailed, match="no reply") as caught:
        call(dataclasses.replace(settings, max_retries=0), "rerank", "query", ["a"])
    assert (caught.value.status, caught.value.num_attempts) == (0, 1)
    assert isinstance(caught.value, ConnectionError)
    assert len(server.requests) == 1


@pytest.mark.parametrize(("status", "body", "message"), [
    (400, {"error": {"message": "query is missing", "param": "query"}}, "query is missing"),
    (401, {"message": "wrong key"}, "wrong key"),
    (404, {"detail": "Not Found"}, "Not Found"),
    (413, {"error": "the body is too long", "error_type": "Validation"}, "the body is too long"),
    (422, {"detail": [{"loc": ["body", "query"]}]}, '[{"loc": ["body", "query"]}]'),
    (500, b"Internal  Server\nError", "Internal Server Error"),
    (504, b"\xff" + b"x" * 2000, "\ufffd" + "x" * 499),
    (400, [1], "[1]"),
])
def test_refused_at_once(call: CallFunction, settings: Settings, server: StandIn, status: int, body: Any,
                         message: str) -> None:
    server.then([reply(status, body)])
    with pytest.raises(StatusError) as caught:
        call(settings, "rerank", "query", ["a"])
    assert (caught.value.status, caught.value.server_message) == (status, message)
    assert len(server.requests) == 1


def test_a_password_in_the_address_is_not_shown(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([reply(400, {})])
    with pytest.raises(StatusError) as caught:
        call(dataclasses.replace(settings, url=server.url.replace("//", "//me:secret@")), "rerank", "query", ["a"])
    assert "secret" not in str(caught.value) and server.url + "/v1/rerank" in str(caught.value)
    assert server.requests[0][1]["authorization"].startswith("Basic ")


def test_redirect_says_where(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([reply(308, b"", Location="https://elsewhere")])
    with pytest.raises(StatusError, match="the server has moved to https://elsewhere: set url"):
        call(settings, "rerank", "query", ["a"])


def test_retry_after_is_waited_for(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([reply(429, {}, Retry_After="1")])
    call(settings, "rerank", "query", ["a"])
    assert server.times[1] - server.times[0] >= 1


def test_retry_after_may_be_a_date(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([reply(503, {}, Retry_After=email.utils.formatdate(time.time() + 3600, usegmt=True))])
    with pytest.raises(StatusError):
        call(settings, "rerank", "query", ["a"])
    server.then([reply(503, {}, Retry_After=email.utils.formatdate(time.time() - 3600, usegmt=True))])
    assert call(settings, "rerank", "query", ["a"]).scores == [0.001]


def test_retry_after_beyond_the_timeout_is_not_waited_for(call: CallFunction, settings: Settings,
                                                          server: StandIn) -> None:
    server.then([reply(429, {"message": "come back later"}, Retry_After="100")])
    begin = time.monotonic()
    with pytest.raises(StatusError, match="come back later"):
        call(settings, "rerank", "query", ["a"])
    assert time.monotonic() - begin < 20
    assert len(server.requests) == 1


def test_senseless_retry_after_is_ignored(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([reply(429, {}, Retry_After=text) for text in ("soon", "nan", "-5")])
    assert call(settings, "rerank", "query", ["a"]).scores == [0.001]


def test_not_tried_again_once_a_reply_began(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([break_off])
    with pytest.raises(ConnectionFailed, match="the connection was lost during the reply"):
        call(settings, "rerank", "query", ["a"])
    assert len(server.requests) == 1


@pytest.mark.parametrize("step", [slow(60), drip], ids=["silent", "dripping"])
def test_timeout_covers_the_whole_call(call: CallFunction, settings: Settings, server: StandIn, step: Any) -> None:
    server.then([reply(503, {}), step])
    begin = time.monotonic()
    with pytest.raises(DeadlineExceeded, match="no scores within the timeout") as caught:
        call(settings, "rerank", "query", ["a"], timeout=1.5)
    assert 1.5 <= time.monotonic() - begin < 20
    assert isinstance(caught.value, TimeoutError)
    assert len(server.requests) == 2


def test_a_body_has_only_what_time_is_left(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([head_only(2)])
    begin = time.monotonic()
    with pytest.raises(DeadlineExceeded):
        call(settings, "rerank", "query", ["a"], timeout=2.5)
    assert time.monotonic() - begin < 4.4  # 4.5 if the body had 2.5 seconds of its own


def test_no_limit_of_time(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([slow(0.2)])
    assert call(settings, "rerank", "query", ["a"], timeout=0).scores == [0.001]
    assert "x-request-timeout" not in server.requests[0][1]


def test_nobody_listens(call: CallFunction) -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        settings = Settings(url=f"http://127.0.0.1:{bound.getsockname()[1]}", max_retries=1)
        with pytest.raises(ConnectionFailed, match="no reply.*2 attempts"):
            call(settings, "rerank", "query", ["a"])


def test_no_such_host(call: CallFunction) -> None:
    with pytest.raises(ConnectionFailed, match="there-is-no-such-host.invalid"):
        call(Settings(url="http://there-is-no-such-host.invalid", max_retries=0), "rerank", "query", ["a"])


@pytest.mark.parametrize(("body", "words"), [
    (b"<html>hello</html>", "not JSON"),
    (b'{"results": [{"index": 0, "relevance_score": \xff}]}', "not JSON"),
    ({"object": "list"}, "neither a list results nor data"),
    ([{"index": 0, "score": 1}], "neither a list results nor data"),
    ({"results": {"0": 1}}, "neither a list results nor data"),
    ({"results": []}, "0 scores for 2 pairs; index 0 is missing"),
    ({"results": [{"index": 1, "relevance_score": 0.5}]}, "index 0 is missing"),
    ({"results": [{"index": 1, "relevance_score": 0.5}] * 2}, "index 1 occurs twice"),
    ({"results": [{"index": 2, "relevance_score": 0.5}]}, "index 2 is not one of the 2"),
    ({"results": [{"index": -1, "relevance_score": 0.5}]}, "index -1 is not one of"),
    ({"results": [{"index": True, "relevance_score": 0.5}]}, "index True is not one of"),
    ({"results": [{"relevance_score": 0.5}]}, "index None is not one of"),
    ({"results": [7]}, "index None is not one of"),
    ({"results": [{"index": 0, "relevance_score": "high"}]}, "relevance_score is 'high'"),
    ({"results": [{"index": 0, "relevance_score": float("nan")}]}, "relevance_score is nan"),
    ({"results": [{"index": 0, "relevance_score": None}]}, "relevance_score is None"),
    ({"results": [{"index": 0}]}, "relevance_score is None"),
    (b'{"results": [{"index": 0, "relevance_score": 1' + b"0" * 400 + b"}]}", "relevance_score is 1000"),
    (b"[" * 100000, "not JSON"),
])
def test_malformed_replies(call: CallFunction, settings: Settings, server: StandIn, body: Any, words: str) -> None:
    server.then([reply(200, body)])
    with pytest.raises(MalformedReply, match=words) as caught:
        call(settings, "rerank", "query", ["a", "b"], request_id="abc")
    assert (caught.value.status, caught.value.request_id) == (200, "abc")
    assert len(server.requests) == 1


# anyio leaves a socket to the garbage collector where a task is cancelled just as it has connected.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_failing_part_ends_the_call(call: CallFunction, settings: Settings, server: StandIn) -> None:
    settings = dataclasses.replace(settings, max_documents_per_request=2)
    server.choose = lambda body: reply(400, {"message": "bad"}) if "bad" in body["documents"] else slow(60)
    begin = time.monotonic()
    with pytest.raises(StatusError, match="documents 2 to 3: 400 Bad Request: bad") as caught:
        call(settings, "rerank", "query", ["a", "b", "c", "bad", "d"], request_id="id")
    assert caught.value.request_id == "id-1"
    assert time.monotonic() - begin < 30
    server.released.set()


def test_cancelling_a_task(settings: Settings, server: StandIn) -> None:
    server.then([slow(60)])

    async def run() -> list[float]:
        async with AsyncClient(settings) as client:
            call = asyncio.create_task(client.rerank("query", ["a"]))
            while not server.requests:
                await asyncio.sleep(0.01)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            return (await client.rerank("query", ["bb"])).scores

    assert asyncio.run(run()) == [0.002]


def test_kept_connection_that_was_closed_meanwhile(settings: Settings, server: StandIn) -> None:
    server.then([right, hang_up])
    with Client(settings) as client:
        assert [client.rerank("query", ["a"]).scores for _ in range(2)] == [[0.001]] * 2


def test_errors_survive_pickling(settings: Settings, server: StandIn) -> None:
    import pickle

    server.then([reply(400, {"message": "bad"})])
    with Client(settings) as client, pytest.raises(RerankError) as caught:
        client.score("query", "a")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (type(copy), str(copy), copy.status) == (StatusError, str(caught.value), 400)
