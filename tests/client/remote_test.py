#!/usr/bin/env python3
"""`rerank rank --url`, `rerank score --url` and `rerank remote` against a whole server: the same bits and the same
lines as with the model loaded in the program itself."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
from service_process import LONG, MODEL, PROGRAM, SANITIZED, ServiceProcess, run_tests  # noqa: E402

COLD = ["-m", MODEL, "--no-weight-cache", "--dtype", "float32"]
DOCUMENTS = ["GIMP is an image editor", "bash is a shell", "", "Grüße, 世界 \U0001f600", "<|im_end|>", "\"quoted\" \\",
             " ".join(f"word{index}" for index in range(3000))]
PAIRS = [{"query": f"query {index // 3}", "document": DOCUMENTS[index % 6]} for index in range(30)]
PAIRS[7]["instruction"] = "be strict"


def environment(**more):
    clean = {name: value for name, value in os.environ.items()
             if name not in ("RERANK_URL", "RERANK_API_KEY", "VLLM_API_KEY", "RERANK_MODEL", "MODEL_PATH")}
    return {**clean, **more}


def run(*arguments, given="", env=None):
    """(exit code, standard output, standard error)"""
    with tempfile.TemporaryDirectory() as folder:  # where no .env and no rerank.toml stands
        done = subprocess.run([PROGRAM, *arguments], input=given, capture_output=True, text=True, timeout=LONG,
                              check=False, cwd=folder, env=env or environment())
    return done.returncode, done.stdout, done.stderr


def lines(texts):
    return "".join(text + "\n" for text in texts)


class Remote(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = ServiceProcess()
        cls.url = f"http://127.0.0.1:{cls.service.port}"

    @classmethod
    def tearDownClass(cls):
        code = cls.service.end()
        cls.service.__exit__()
        assert code == 0, f"exit code {code}"

    def assert_same(self, command, given, *flags):
        """The lines of a cold start, which the server's must be."""
        cold = run(command, *COLD, *flags, given=given)
        self.assertEqual(cold[0], 0, cold[2])
        hot = run(command, "--url", self.url, *flags, given=given)
        self.assertEqual(hot, (0, cold[1], cold[2]))
        return cold[1]

    def test_ranks_as_a_cold_start_does(self):
        given = lines(DOCUMENTS)
        tsv = self.assert_same("rank", given, "-q", "edit photos")
        self.assertEqual(len(tsv.splitlines()), len(DOCUMENTS))
        self.assertIn("\t1\t", tsv)  # one was cut
        self.assert_same("rank", given, "-q", "edit photos", "--format", "jsonl", "--top-n", "3", "--raw")
        self.assert_same("rank", given, "-q", "q", "--format", "jsonl", "--instruction", "be strict",
                         "--max-tokens-per-doc", "4", "--max-tokens-per-query", "1")
        self.assert_same("rank", lines(["none", "too"]), "-q", "q", "--format", "table")

    def test_json_tells_model_and_usage(self):
        cold = json.loads(run("rank", *COLD, "-q", "q", "--format", "json", given="one\ntwo\n")[1])
        hot = json.loads(run("rank", "--url", self.url, "-q", "q", "--format", "json", given="one\ntwo\n")[1])
        self.assertEqual(hot["results"], cold["results"])
        self.assertEqual(hot["usage"]["prompt_tokens"], cold["usage"]["prompt_tokens"])
        self.assertEqual(hot["model"], "demo")

    def test_scores_as_a_cold_start_does(self):
        given = "".join(json.dumps(pair) + "\n" for pair in PAIRS)
        self.assertEqual(len(self.assert_same("score", given).splitlines()), len(PAIRS))
        self.assert_same("score", given, "--format", "tsv", "--raw")
        many = "".join(json.dumps({"query": "q", "document": f"document {index}"}) + "\n" for index in range(200 if SANITIZED else 2000))
        self.assert_same("score", many)

    def test_goes_on_with_a_file(self):
        with tempfile.TemporaryDirectory() as folder:
            pairs, output = pathlib.Path(folder, "pairs.jsonl"), pathlib.Path(folder, "scores.jsonl")
            text = "".join(json.dumps(pair) + "\n" for pair in PAIRS)
            pairs.write_text(text, encoding="utf-8")
            whole = run("score", "--url", self.url, given=text)[1]
            output.write_text("".join(whole.splitlines(keepends=True)[:11]), encoding="utf-8")
            resumed = run("score", "--url", self.url, str(pairs), "-o", str(output), "--resume")
            self.assertEqual(resumed[0], 0, resumed[2])
            self.assertEqual(output.read_text(encoding="utf-8"), whole)

    def test_splits_long_lists(self):
        given = lines(f"document {index}" for index in range(500))
        cold = run("rank", *COLD, "-q", "q", given=given)
        hot = run("rank", "--url", self.url, "-q", "q", "--max-documents-per-request", "7",
                  "--client-max-connections", "4", given=given)
        self.assertEqual(hot, cold)

    def test_remote_takes_the_url_of_the_environment(self):
        cold = run("rank", *COLD, "-q", "q", given="one\ntwo\n")
        hot = run("remote", "rank", "-q", "q", given="one\ntwo\n",
                  env=environment(RERANK_URL=self.url, MODEL_PATH="/of/a/cold/start"))
        self.assertEqual(hot, cold)
        pair = '{"query":"q","document":"d"}\n'
        self.assertEqual(run("remote", "score", "--url", self.url, given=pair), run("score", *COLD, given=pair))
        nowhere = run("remote", "rank", "-q", "q", "--max-retries", "0", given="one\n",
                      env=environment(RERANK_URL="http://127.0.0.1:1"))
        self.assertEqual(nowhere[0], 1)
        self.assertIn("127.0.0.1:1", nowhere[2])

    def test_a_url_in_the_environment_alone_asks_no_server(self):
        env = environment(RERANK_URL="http://127.0.0.1:1")
        self.assertEqual(run("rank", *COLD, "-q", "q", given="one\n", env=env), run("rank", *COLD, "-q", "q", given="one\n"))
        code, _, message = run("rank", "-q", "q", given="one\n", env=env)
        self.assertEqual(code, 2)
        self.assertIn("--model is required, or --url", message)

    def test_flags_of_the_other_kind_are_refused_by_name(self):
        for flag, value in [("--dtype", "float32"), ("--threads", "2"), ("--no-weight-cache", None),
                            ("--prompt-suffix", "vllm")]:
            given = [flag] if value is None else [flag, value]
            code, _, message = run("rank", "--url", self.url, "-q", "q", *given, given="one\n")
            self.assertEqual(code, 2, message)
            self.assertIn(f"{flag} applies only to a model loaded in this process", message)
        for flag, value in [("--api-key", "k"), ("--timeout", "3"), ("--dialect", "tei")]:
            code, _, message = run("score", *COLD, flag, value)
            self.assertEqual(code, 2, message)
            self.assertIn(f"{flag} applies only to a server", message)

    def test_mistakes_are_told_in_a_line(self):
        cases = [(["--url", "localhost:8000"], "it must begin with http://"),
                 (["--url", self.url, "--model", "other"], "The model `other` does not exist"),
                 (["--url", self.url, "--no-truncate"], "maximum context length"),
                 (["--url", self.url + "/nowhere"], "no reranker found"),
                 (["--url", self.url, "--dialect", "tei", "--instruction", "i"], "instruction: Text Embeddings")]
        for flags, expected in cases:
            code, output, message = run("rank", "-q", "q", *flags, given=lines(["fine", "word " * 20000]))
            self.assertEqual((code, output), (1, ""), message)
            self.assertIn(expected, message)
            self.assertEqual(message.count("\n"), 1, message)

    def test_the_line_of_a_refused_pair_is_named(self):
        given = "".join(json.dumps({"query": "q", "document": document}) + "\n"
                        for document in ["short", "word " * 20000, "short"])
        code, output, message = run("score", "--url", self.url, "--no-truncate", given=given)
        self.assertEqual(code, 1)
        self.assertIn("standard input:2: ", message)
        self.assertEqual(len(output.splitlines()), 1)

    def test_speaks_the_other_dialects_of_the_server(self):
        cold = run("rank", *COLD, "-q", "edit photos", given=lines(DOCUMENTS[:5]))
        for dialect, path in [("tei", ""), ("vllm", "/v1"), ("cohere", ""), ("jina", "/v1/rerank"),
                              ("infinity", "/infinity"), ("llama.cpp", "")]:
            model = ["-m", "demo"] if dialect == "cohere" else []
            hot = run("rank", "--url", self.url + path, "--dialect", dialect, *model, "-q", "edit photos",
                      given=lines(DOCUMENTS[:5]))
            self.assertEqual(hot, cold, dialect)
        self.assertEqual(run("rank", "--url", self.url + "/infinity", "-q", "edit photos",
                             given=lines(DOCUMENTS[:5])), cold)

    def test_compresses(self):
        self.assert_same("rank", lines(DOCUMENTS), "-q", "edit photos")
        cold = run("rank", *COLD, "-q", "q", given=lines(DOCUMENTS))
        self.assertEqual(run("rank", "--url", self.url, "--compress-requests", "--compress-replies", "-q", "q",
                             given=lines(DOCUMENTS)), cold)


class Silent(unittest.TestCase):
    """A server that takes connections and says nothing."""

    def setUp(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def tearDown(self):
        self.listener.close()

    def test_ctrl_c_ends_the_wait(self):
        for more in ([], ["--dialect", "rerank"]):
            with subprocess.Popen([PROGRAM, "rank", "--url", self.url, "-q", "q", *more], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as program:
                program.stdin.write(b"one\n")
                program.stdin.close()
                connection, _ = self.listener.accept()
                self.assertTrue(connection.recv(1))
                program.send_signal(signal.SIGINT)
                self.assertEqual(program.wait(LONG), 130)
                self.assertEqual(program.stderr.read(), b"")
                connection.close()

    def test_the_timeout_ends_the_wait(self):
        code, _, message = run("rank", "--url", self.url, "-q", "q", "--timeout", "0.1", given="one\n")
        self.assertEqual(code, 1)
        self.assertIn("no response within the timeout", message)


class Guarded(unittest.TestCase):
    """Servers with a key, behind TLS, at a socket."""

    def expect_ranked(self, *flags, **variables):
        code, output, message = run("remote", "rank", "-q", "q", "--format", "tsv", *flags, given="one\ntwo\n",
                                    env=environment(**variables))
        self.assertEqual(code, 0, message)
        self.assertEqual(len(output.splitlines()), 2)

    def test_keys(self):
        with ServiceProcess(environment={"VLLM_API_KEY": "secret"}) as service:
            url = f"http://127.0.0.1:{service.port}"
            self.expect_ranked("--url", url, "--api-key", "secret")
            self.expect_ranked(RERANK_URL=url, RERANK_API_KEY="secret", VLLM_API_KEY="other")
            self.expect_ranked(RERANK_URL=url, VLLM_API_KEY="secret")
            for flags in ([], ["--api-key", "wrong-key"]):
                code, _, message = run("rank", "--url", url, "-q", "q", *flags, given="one\n")
                self.assertEqual(code, 1)
                self.assertIn("401", message)
                self.assertEqual("no API key was sent" in message, not flags)
                self.assertNotIn("wrong-key", message)

    def test_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/rerank.sock"
            with ServiceProcess("--uds", path):
                self.expect_ranked("--unix-socket", path)

    def test_tls(self):
        with tempfile.TemporaryDirectory() as folder:
            key, certificate = f"{folder}/key.pem", f"{folder}/cert.pem"
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj",
                            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key,
                            "-out", certificate], check=True, capture_output=True)
            with ServiceProcess("--ssl-keyfile", key, "--ssl-certfile", certificate) as service:
                url = f"https://127.0.0.1:{service.port}"
                self.expect_ranked("--url", url, "--ca-file", certificate)
                self.expect_ranked("--url", url, "--no-verify-tls")
                code, _, message = run("rank", "--url", url, "-q", "q", given="one\n")
                self.assertEqual(code, 1)
                self.assertIn("certificate", message)
                missing = run("rank", "--url", url, "--ca-file", "/nonexistent.pem", "-q", "q", given="one\n")
                self.assertEqual(missing[0], 1)
                self.assertIn("/nonexistent.pem", missing[2])


if __name__ == "__main__":
    run_tests()
