"""The installed package and a real server on the demo model, which run.sh starts."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.resources
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import rerank_cpp
from conftest import CallFunction
from rerank_cpp import AsyncClient, Client, Settings, StatusError

URL = os.environ.get("RERANK_TEST_URL", "")
KEY = os.environ.get("RERANK_TEST_KEY", "")
PROGRAM = os.environ.get("RERANK_TEST_PROGRAM", "")
ROOT = Path(__file__).resolve().parents[2]
QUERY = "edit photos"
DOCUMENTS = ["a web server", "an image editor with layers", "\u201eM\u00fcnchen\u201c, \u6771\u4eac, \U0001f4f7 \"quotes\" \\ and\nlines", "",
             "a compiler"]

pytestmark = pytest.mark.skipif(not URL, reason="RERANK_TEST_URL is not set: python/tests/run.sh starts a server")


@pytest.fixture
def live() -> Settings:
    return Settings(url=URL, api_key=KEY, timeout=100)


@pytest.fixture(scope="module")
def program_scores(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """The same pairs by the command line, without a server."""
    pairs = tmp_path_factory.mktemp("pairs") / "pairs.jsonl"
    pairs.write_text("".join(json.dumps({"query": QUERY, "document": text}) + "\n" for text in DOCUMENTS))
    done = subprocess.run([PROGRAM, "score", "-m", "demo", "--no-weight-cache", "--dtype", "float32", str(pairs)],
                          capture_output=True, text=True, check=True, timeout=100)
    return [float(json.loads(line)["score"]) for line in done.stdout.splitlines()]


def test_package_is_complete() -> None:
    assert importlib.resources.files(rerank_cpp).joinpath("py.typed").is_file()
    version = re.search(r"project\(rerank VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text())
    assert version is not None and rerank_cpp.__version__ == version[1]


def test_module_functions(monkeypatch: pytest.MonkeyPatch, program_scores: list[float]) -> None:
    Path("rerank.toml").write_text(f'[client]\nurl = "{URL}/v1"\n')
    monkeypatch.setenv("VLLM_API_KEY", KEY)
    try:
        items, scores, raw = rerank_cpp.rerank(QUERY, DOCUMENTS, top_n=2)
        assert scores == program_scores
        best = sorted(range(len(scores)), key=lambda index: -scores[index])[:2]
        assert [(item.index, item.score, item.text) for item in items] == [
            (index, scores[index], DOCUMENTS[index]) for index in best]
        assert raw[0]["model"] == "demo"
        assert rerank_cpp.score(QUERY, DOCUMENTS).scores == program_scores
    finally:
        rerank_cpp.configure()


def test_both_clients(call: CallFunction, live: Settings, program_scores: list[float]) -> None:
    assert call(live, "rerank", QUERY, DOCUMENTS).scores == program_scores
    result = call(live, "score", [QUERY] * 5, DOCUMENTS, request_id="of-the-test", priority=1)
    assert result.scores == program_scores
    assert result.request_ids == ["score-of-the-test"]
    assert result.num_tokens is not None and result.num_tokens > 5 * 50
    logits = call(live, "rerank", QUERY, DOCUMENTS, raw_scores=True).scores
    assert sorted(range(5), key=lambda index: -logits[index]) == sorted(range(5), key=lambda index: -program_scores[index])
    assert min(logits) < 0
    assert call(live, "rerank", QUERY, DOCUMENTS, instruction="Find what is cooked").scores != program_scores


def test_example(live: Settings) -> None:
    example = [sys.executable, str(ROOT / "examples/client.py")]
    environment = {"RERANK_URL": URL, "RERANK_API_KEY": KEY}
    done = subprocess.run(example, capture_output=True, text=True, env=environment, timeout=100, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    with Client(live) as client:
        wanted = client.score("What is the capital of China?", "The capital of China is Beijing.").scores[0]
    assert f"  {wanted} 1 The capital of China is Beijing.\n" in done.stdout
    refused = subprocess.run(example, capture_output=True, text=True, env={"RERANK_URL": URL}, timeout=100, check=False)
    assert refused.returncode == 1 and "error: " in refused.stderr and "401" in refused.stderr


FILES = {
    ".env": """# shared with others
OTHER = 1
export RERANK_URL="http://of-env-file:1/v1"   # a comment
RERANK_TIMEOUT= 7.5
RERANK_TIMEOUT=8
PORT=9000
RERANK_MODEL=a # b
RERANK_UNIX_SOCKET='/a # b'
RERANK_KEY_FILE=a#b
""",
    "rerank.toml": """model_path = "demo"
url = "http://of-toml"
max_retries = 2
max_connections = 9
client_max_connections = 3
ca_file = "first.pem"
[serve]
max_retries = 1
[client]
max_retries = 6
certificate_file = ""
max_documents_per_request = 50
verify_tls = false
""",
}


def test_settings_are_those_of_the_program() -> None:
    for name, text in FILES.items():
        Path(name).write_text(text)
    environment = {"HOME": os.environ["HOME"], "RERANK_CONNECT_TIMEOUT": "2", "RERANK_MAX_DOCUMENTS_PER_REQUEST": ""}
    done = subprocess.run([PROGRAM, "config", "--table", "client", "--format", "json"], capture_output=True, text=True,
                          check=True, timeout=100, env=environment)
    theirs = {one["key"]: one for one in json.loads(done.stdout)["settings"]}
    ours = Settings.load(environ=environment)
    for field in dataclasses.fields(Settings):
        key = field.metadata.get("key", field.name)
        if field.name == "sources" or key is None:
            continue
        value, source = theirs[key]["value"], theirs[key]["source"]
        if source["kind"] == "default":
            assert ours.sources[field.name] == "default", key
            continue
        mine = getattr(ours, field.name)
        assert type(mine)(json.loads(value) if isinstance(mine, (bool, int, float)) else value) == mine, key
        place = f" in {source['file']}" if source["kind"] == "file" else " in the environment"
        assert source["name"] in ours.sources[field.name] and place in ours.sources[field.name], key


def test_split_calls_have_the_same_scores(call: CallFunction, live: Settings) -> None:
    documents = [f"package number {index} for {'photos' if index % 3 else 'mail'}" for index in range(300)]
    whole = call(live, "rerank", QUERY, documents)
    parts = call(dataclasses.replace(live, max_documents_per_request=70), "rerank", QUERY, documents)
    assert (len(whole.raw), len(parts.raw)) == (1, 5)
    assert parts.scores == whole.scores
    assert parts.items == whole.items


def test_calls_at_once(live: Settings, program_scores: list[float]) -> None:
    async def run() -> list[list[float]]:
        async with AsyncClient(live) as client:
            replies = await asyncio.gather(*(client.rerank(QUERY, DOCUMENTS) for _ in range(20)))
            return [reply.scores for reply in replies]

    assert asyncio.run(run()) == [program_scores] * 20


def test_a_document_that_is_too_long(call: CallFunction, live: Settings) -> None:
    documents = ["photo " * 5000, "photo"]
    assert [item.truncated for item in sorted(call(live, "rerank", QUERY, documents).items, key=lambda item: item.index)] == [
        True, False]
    with pytest.raises(StatusError, match="maximum context length is") as caught:
        call(live, "rerank", QUERY, documents, truncate=False)
    assert caught.value.status == 400


def test_refusals(live: Settings) -> None:
    with Client(dataclasses.replace(live, api_key="wrong")) as client, pytest.raises(StatusError) as caught:
        client.rerank(QUERY, DOCUMENTS, request_id="of-the-test")
    assert (caught.value.status, caught.value.request_id) == (401, "of-the-test")
    with Client(live) as client, pytest.raises(StatusError, match="The model `other` does not exist") as caught:
        client.score(QUERY, DOCUMENTS, model="other")
    assert caught.value.status == 404
    with Client(dataclasses.replace(live, url=URL + "/elsewhere")) as client, pytest.raises(StatusError) as caught:
        client.score(QUERY, DOCUMENTS)
    assert caught.value.status == 404
