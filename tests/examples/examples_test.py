#!/usr/bin/env python3
"""Every example of examples/, run as people run it: the cold ones on the model that ships and on random weights, since the
real ones are not at hand, the others against a server on the model that ships. Their scores must be the program's."""

import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
from service_process import LONG, MODEL, PROGRAM, ROOT, ServiceProcess, command_line_scores, run_tests  # noqa: E402

EXAMPLES = pathlib.Path(os.environ.get("RERANK_TEST_EXAMPLES", ROOT / "build/release/examples"))
QUERIES = ["What is the capital of China?", "Explain gravity"]
BEIJING = "The capital of China is Beijing."
SHANGHAI = "Shanghai is a large city in China."
SHORT_GRAVITY = "Gravity is a force that attracts two bodies towards each other."
GRAVITY = (SHORT_GRAVITY + " It gives weight to physical objects and is responsible for the movement of planets around "
           "the sun.")


def floats(texts):
    """The float32 numbers that were meant, however many digits tell them."""
    return [struct.unpack("f", struct.pack("f", float(text)))[0] for text in texts]


def run(command, **environment):
    """Exit code, stdout and stderr; nothing of this machine's settings reaches the example."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LD_LIBRARY_PATH", "RERANK_DEMO_MODEL")}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=LONG,
                              check=False, env={**kept, "HOME": folder, **environment})
    return done.returncode, done.stdout, done.stderr


class ColdStart(unittest.TestCase):
    def check_scores(self, output, model, flags=()):
        """Against those of `rerank score` with the arithmetic that the example says it took."""
        dtype = re.search(r" in (\w+) on ", output).group(1)
        pairs = [(query, document) for query in QUERIES for document in (BEIJING, GRAVITY)]
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "pairs.jsonl"
            path.write_text("".join(json.dumps({"query": query, "document": document}) + "\n"
                                    for query, document in pairs), encoding="utf-8")
            done = subprocess.run([PROGRAM, "score", "-m", model, "--no-weight-cache", "--dtype", dtype, *flags, str(path)],
                                  capture_output=True, text=True, check=True, timeout=LONG)
        wanted = [json.loads(line)["score"] for line in done.stdout.splitlines()]
        self.assertEqual(floats(re.findall(r"^  score (\S+)", output, re.MULTILINE)), floats(wanted))

    def test_without_a_model_the_one_that_ships_stands_in(self):
        for example, variable in (("usage", "MODEL_PATH"), ("usage_tiny", "MODEL_PATH_TINY")):
            with self.subTest(example=example):
                code, output, errors = run([EXAMPLES / example])
                self.assertEqual((code, errors), (0, ""))
                self.assertIn(f"note: {variable} is not set, and model Qwen/Qwen3-Reranker-", output)
                self.assertIn("knows Debian packages and nothing else", output)
                self.assertNotIn("model card", output)
                self.check_scores(output, MODEL)

    def test_random_weights_are_named_so(self):
        code, output, errors = run([EXAMPLES / "usage"], MODEL_PATH="synth:nano")
        self.assertEqual((code, errors), (0, ""))
        self.assertIn("the weights of synth:nano are random", output)
        self.check_scores(output, "synth:nano")

    def test_published_scores_stand_beside_those_of_the_real_models(self):
        with tempfile.TemporaryDirectory() as folder:
            for name, published in (("Qwen3-Reranker-0.6B", ["7.6250", "-11.3750"]),
                                    ("Qwen3-Reranker-4B", ["6.4375", "-14.3750"]), ("Qwen3-Reranker-8B", [])):
                link = pathlib.Path(folder) / name
                link.symlink_to(MODEL)
                code, output, errors = run([EXAMPLES / "usage_tiny"], MODEL_PATH_TINY=str(link))
                self.assertEqual((code, errors), (0, ""))
                self.assertEqual(re.findall(r"model card (\S+)", output), published)
                self.assertNotIn("note:", output)

    def test_a_model_that_is_not_there(self):
        code, _, errors = run([EXAMPLES / "usage"], MODEL_PATH="/nowhere")
        self.assertEqual(code, 1)
        self.assertIn("error: model /nowhere: no such directory", errors)


class HotStart(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = ServiceProcess(environment={"RERANK_API_KEY": "the-key"})
        cls.addClassCleanup(cls.service.end)
        cls.url = f"http://127.0.0.1:{cls.service.port}"
        pairs = [(QUERIES[0], SHORT_GRAVITY), (QUERIES[0], BEIJING), (QUERIES[0], SHANGHAI), (QUERIES[1], SHORT_GRAVITY)]
        cls.scores = floats(one["score"] for one in command_line_scores(pairs))

    def run_example(self, *command):
        code, output, errors = run(command, RERANK_URL=self.url, RERANK_API_KEY="the-key")
        self.assertEqual((code, errors), (0, ""))
        code, _, errors = run(command, RERANK_URL=self.url, RERANK_API_KEY="another")
        self.assertNotEqual(code, 0)
        self.assertIn("401", errors)
        return output

    def best_two(self):
        return sorted(self.scores[:3], reverse=True)[:2]

    def test_client(self):
        output = self.run_example(EXAMPLES / "main")
        gravity, beijing, shanghai, explained = self.scores
        texts = [SHORT_GRAVITY, BEIJING, SHANGHAI]
        items = re.findall(r"^  (\S+) (\d) (.+)$", output, re.MULTILINE)
        self.assertEqual(floats(score for score, _, _ in items), self.best_two())
        self.assertEqual([(self.scores[int(index)], texts[int(index)]) for _, index, _ in items],
                         list(zip(self.best_two(), [text for _, _, text in items])))
        lines = {name: values.split() for name, values in re.findall(r"^(scores.*):(.*)$", output, re.MULTILINE)}
        self.assertEqual(floats(lines["scores, in the order given"]), [gravity, beijing, shanghai])
        self.assertEqual(floats(lines["scores of two pairs"]), [beijing, explained])
        raw = re.search(r"^raw:\n(.*)$", output, re.MULTILINE).group(1)
        self.assertEqual(json.loads(raw)["model"], "demo")

    def test_plain_http(self):
        output = self.run_example(sys.executable, ROOT / "examples/plain_http.py")
        numbers = floats(re.findall(r"^  (\S+)", output, re.MULTILINE))
        self.assertEqual(numbers, [*self.best_two(), self.scores[1], self.scores[3]])

    @unittest.skipUnless(shutil.which("curl"), "there is no curl here")
    def test_curl(self):
        output = self.run_example(ROOT / "examples/curl.sh")
        ranked, scored = (json.loads(line) for line in output.splitlines() if line.startswith("{"))
        self.assertEqual(floats(one["relevance_score"] for one in ranked["results"]), self.best_two())
        self.assertEqual(floats(one["score"] for one in scored["data"]), [self.scores[1], self.scores[3]])


if __name__ == "__main__":
    run_tests()
