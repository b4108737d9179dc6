"""What is asked for and how replies are put together, on a server that behaves."""

from __future__ import annotations

import dataclasses
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import rerank_cpp
from conftest import CallFunction
from rerank_cpp import Client, RerankItem, ScoreItem, Settings
from stand_in import StandIn, reply, right, score_of

DOCUMENTS = ["four", "a much longer one", "six wd", "a longer one", "4444"]


def test_rerank_gives_items_scores_and_raw(call: CallFunction, settings: Settings) -> None:
    items, scores, raw = call(settings, "rerank", "query", DOCUMENTS, top_n=3)
    assert items == [RerankItem(1, 0.017, "a much longer one"), RerankItem(3, 0.012, "a longer one"),
                     RerankItem(2, 0.006, "six wd")]
    assert scores == [score_of(text) for text in DOCUMENTS]
    assert [len(one["results"]) for one in raw] == [5]


def test_equal_scores_stay_in_order(call: CallFunction, settings: Settings) -> None:
    result = call(settings, "rerank", "query", ["bb", "aa", "cccc", "dd"])
    assert [item.index for item in result.items] == [2, 0, 1, 3]


def test_body_says_what_was_asked(call: CallFunction, settings: Settings, server: StandIn) -> None:
    settings = dataclasses.replace(settings, model="reranker", api_key="secret")
    call(settings, "rerank", 'M\u00fcnchen "\u6771\u4eac" \U0001f4f7\n', ["\u0000\\", ""], top_n=1, instruction="find", truncate=False,
         max_tokens_per_doc=5, priority=None, request_id="abc", extra={"user": "me"})
    path, headers, body = server.requests[0]
    assert path == "/v1/rerank"
    assert headers["authorization"] == "Bearer secret"
    assert headers["x-request-id"] == "abc"
    assert 29 < float(headers["x-request-timeout"]) <= 30
    assert body == {"query": 'M\u00fcnchen "\u6771\u4eac" \U0001f4f7\n', "documents": ["\u0000\\", ""], "model": "reranker",
                    "instruction": "find", "truncate": False, "max_tokens_per_doc": 5, "user": "me", "return_documents": False}


def test_score_pairs(call: CallFunction, settings: Settings, server: StandIn) -> None:
    items, scores, raw = call(settings, "score", ["a", "b"], ["ccc", "d"])
    assert items == [ScoreItem(0, 0.003, "a", "ccc"), ScoreItem(1, 0.001, "b", "d")]
    assert scores == [0.003, 0.001]
    assert raw[0]["id"] == "score-1"
    assert server.requests[0][0] == "/v1/score"
    assert call(settings, "score", "a", ["ccc", "d"]).scores == [0.003, 0.001]
    assert call(settings, "score", "a", "d").scores == [0.001]


def test_no_documents_need_no_server(call: CallFunction) -> None:
    settings = Settings(url="http://127.0.0.1:1", max_retries=0)
    assert call(settings, "rerank", "query", []) == ([], [], [])
    assert call(settings, "score", "query", []) == ([], [], [])


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8])
def test_long_lists_are_split_and_put_together(call: CallFunction, settings: Settings, server: StandIn,
                                               length: int) -> None:
    settings = dataclasses.replace(settings, max_documents_per_request=3)
    documents = ["x" * (index * 37 % 11) for index in range(length)]
    result = call(settings, "rerank", "query", documents, top_n=4, request_id="id")
    assert result.scores == [score_of(text) for text in documents]
    wanted = sorted(range(length), key=lambda index: (-len(documents[index]), index))[:4]
    assert [(item.index, item.text) for item in result.items] == [(index, documents[index]) for index in wanted]
    assert sorted(text for _, _, body in server.requests for text in body["documents"]) == sorted(documents)
    assert max(len(body["documents"]) for _, _, body in server.requests) <= 3
    num_parts = -(-length // 3)
    assert len(result.raw) == num_parts and result.num_tokens == 7 * num_parts
    ids = {headers["x-request-id"] for _, headers, _ in server.requests}
    assert ids == ({"id"} if num_parts == 1 else {f"id-{number}" for number in range(num_parts)})


def test_long_texts_are_split_by_bytes(call: CallFunction, settings: Settings, server: StandIn) -> None:
    settings = dataclasses.replace(settings, max_request_bytes=100)
    queries, documents = ["q" * 20] * 4, ["a" * 20, "b" * 200, "\u00e9" * 15, "d"]
    assert call(settings, "score", queries, documents).scores == [score_of(text) for text in documents]
    assert sorted(body["text_2"] for _, _, body in server.requests) == [["a" * 20], ["b" * 200], ["\u00e9" * 15, "d"]]


def test_parts_run_side_by_side(call: CallFunction, settings: Settings, server: StandIn) -> None:
    settings = dataclasses.replace(settings, max_documents_per_request=1, max_connections=3)
    all_here = threading.Barrier(3, timeout=20)

    def choose(body: dict[str, Any]) -> Any:
        def step(handler: Any) -> None:
            all_here.wait()
            right(handler)

        return step

    server.choose = choose
    assert call(settings, "rerank", "query", ["a", "bb", "ccc"]).scores == [0.001, 0.002, 0.003]
    assert server.num_connections == 3


def test_connections_are_kept(settings: Settings, server: StandIn) -> None:
    with Client(settings) as client:
        for _ in range(5):
            client.rerank("query", DOCUMENTS)
    assert server.num_connections == 1


def test_threads_share_a_client(settings: Settings, server: StandIn) -> None:
    settings = dataclasses.replace(settings, max_documents_per_request=2, max_connections=4)
    with Client(settings) as client, ThreadPoolExecutor(8) as threads:
        texts = [["x" * (number + index) for index in range(5)] for number in range(40)]
        replies = list(threads.map(lambda documents: client.rerank("query", documents), texts))
    assert [one.scores for one in replies] == [[score_of(text) for text in documents] for documents in texts]
    assert server.num_connections <= 4


def test_truncated_is_told(call: CallFunction, settings: Settings, server: StandIn) -> None:
    server.then([reply(200, {"results": [{"index": 1, "relevance_score": 0.5, "truncated": True},
                                         {"index": 0, "relevance_score": 1e-45}]})])
    result = call(settings, "rerank", "query", ["a", "b"])
    assert [item.truncated for item in result.items] == [True, False]
    assert result.scores == [1e-45, 0.5]
    assert result.num_tokens is None


@pytest.mark.parametrize(("method", "arguments", "options", "error", "words"), [
    ("rerank", ("query", "one text"), {}, TypeError, "documents is a single text: pass a list"),
    ("rerank", ("query", ["a", None]), {}, TypeError, r"documents\[1\] is NoneType"),
    ("rerank", (None, ["a"]), {}, TypeError, "query is NoneType"),
    ("rerank", ("query", ["a"]), {"top_n": -1}, ValueError, "top_n is -1"),
    ("rerank", ("query", ["a"]), {"top_k": 1}, TypeError, "top_k is not an option of a call"),
    ("rerank", ("query", ["a"]), {"timeout": -1}, ValueError, "timeout is -1"),
    ("rerank", ("query", ["a", "b\ud83d"]), {}, ValueError, r"documents\[1\] contains half of a surrogate pair at character 1"),
    ("rerank", ("\udc00", ["a"]), {}, ValueError, "query contains half of a surrogate pair at character 0"),
    ("score", (["a", "b"], ["c"]), {}, ValueError, "queries has 2 texts and documents 1"),
    ("score", ([], ["c"]), {}, ValueError, "queries has 0 texts"),
])
def test_wrong_arguments(call: CallFunction, method: str, arguments: Any, options: Any, error: type[Exception],
                         words: str) -> None:
    with pytest.raises(error, match=words):
        call(Settings(url="http://127.0.0.1:1", max_retries=0), method, *arguments, **options)


def test_module_functions_share_a_client(monkeypatch: pytest.MonkeyPatch, server: StandIn) -> None:
    monkeypatch.setenv("RERANK_URL", server.url + "/v1/rerank")
    try:
        assert rerank_cpp.rerank("query", ["a", "bb"], top_n=1).items == [RerankItem(1, 0.002, "bb")]
        assert rerank_cpp.score("query", ["a", "bb"]).scores == [0.001, 0.002]
        assert server.num_connections == 1
        rerank_cpp.configure(Settings(url=server.url))
        assert rerank_cpp.score("query", "ccc").scores == [0.003]
        assert server.num_connections == 2
    finally:
        rerank_cpp.configure()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of fork in a process with threads
def test_a_child_process_has_a_client_of_its_own(server: StandIn) -> None:
    rerank_cpp.configure(Settings(url=server.url))
    try:
        rerank_cpp.score("query", "a")
        child = os.fork()
        if child == 0:
            os._exit(0 if rerank_cpp.score("query", "bb").scores == [0.002] else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert rerank_cpp.score("query", "ccc").scores == [0.003]
        assert server.num_connections == 2
    finally:
        rerank_cpp.configure()
