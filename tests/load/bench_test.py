#!/usr/bin/env python3
"""`rerank bench` against `rerank serve` with the demo model, and against itself: sweeps, every dialect, result files,
compare and report, what it says when something is wrong. Nothing here asks how fast anything is."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "server"))
sys.path.insert(0, str(HERE.parent / "http"))

import chromium_pipe  # pylint: disable=wrong-import-position
from page_test import CONTRAST  # pylint: disable=wrong-import-position
from service_process import LONG, MODEL, PROGRAM, ServiceProcess, run_tests  # pylint: disable=wrong-import-position

SMALL = ["--docs-per-request", "3", "--document-words", "5", "--query-words", "3"]


def bench(*arguments, environment=None):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("RERANK_U")}
    return subprocess.run([PROGRAM, "bench", *arguments], capture_output=True, text=True, timeout=LONG, check=False,
                          env={**clean, **(environment or {})})


class Bench(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()  # pylint: disable=consider-using-with
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        cls.service = ServiceProcess()
        cls.url = f"http://127.0.0.1:{cls.service.port}"

    @classmethod
    def tearDownClass(cls):
        cls.service.end()
        cls.service.process.stderr.close()

    def measure(self, *arguments):
        """Runs it with a result file and returns what is in that, and what was printed."""
        path = self.folder / f"{self.id().rpartition('.')[2]}.json"
        done = bench("--base-url", self.url, "--num-warmups", "0", "-o", str(path), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([entry.name for entry in self.folder.glob("*.json.*")], [], "no part of a file is left")
        return json.loads(path.read_text(encoding="utf-8")), done

    def test_sweep(self):
        before = self.service.metrics()
        result, done = self.measure(*SMALL, "--concurrency", "1,3", "--docs-per-request", "2,4", "--num-requests", "6",
                                    "--label", "a sweep", "--metadata", "tp=1", "--goodput", "e2el:60000")
        after = self.service.metrics()
        self.assertEqual(result["format"], "rerank-bench/1")
        self.assertEqual(result["label"], "a sweep")
        self.assertEqual(result["metadata"], {"tp": "1"})
        self.assertEqual(result["target"]["model"], "demo")
        self.assertRegex(result["target"]["version"], r"^\d+\.\d+")
        asked = [(point["workload"]["docs_per_request"], point["load"]["max_concurrency"]) for point in result["points"]]
        self.assertEqual(asked, [(2, 1), (2, 3), (4, 1), (4, 3)])
        for point in result["points"]:
            figures, requests = point["figures"], point["requests"]
            self.assertEqual((figures["completed"], figures["failed"]), (6, 0))
            self.assertEqual(figures["max_concurrent_requests"], point["load"]["max_concurrency"])
            self.assertEqual(figures["total_input_sequences"], 6 * point["workload"]["docs_per_request"])
            self.assertEqual(figures["total_input_tokens"], sum(requests["tokens"]))
            self.assertEqual(len(requests["latency_us"]), 6)
            self.assertAlmostEqual(figures["max_e2el_ms"], max(requests["latency_us"]) / 1000, places=2)
            self.assertAlmostEqual(figures["request_throughput"], 6 / figures["duration"], places=6)
            self.assertEqual(figures["request_goodput"], figures["request_throughput"])
        # The server counted the same, and the one request that makes sure it answers.
        tokens = next(name for name in after if name.startswith("vllm:prompt_tokens_total"))
        counted = after[tokens] - before.get(tokens, 0)
        measured = sum(point["figures"]["total_input_tokens"] for point in result["points"])
        self.assertGreater(counted, measured)
        self.assertLess(counted, measured * 1.2)
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 5)
        self.assertIn("3 concurrent", lines[2])

    def test_open_loop(self):
        result, done = self.measure(*SMALL, "--request-rate", "50", "--num-requests", "20", "--seed", "7")
        point = result["points"][0]
        self.assertEqual(point["load"]["mode"], "open")
        self.assertEqual(point["figures"]["completed"], 20)
        again, _ = self.measure(*SMALL, "--request-rate", "50", "--num-requests", "20", "--seed", "7")
        self.assertEqual(sorted(point["requests"]["start_us"]), sorted(again["points"][0]["requests"]["start_us"]))
        self.assertIn("Request rate configured (RPS):             50.00", done.stdout)

    def test_every_dialect(self):
        for backend, path in (("rerank", "/v1/rerank"), ("vllm-rerank", "/v1/rerank"), ("score", "/v1/score"), ("tei", "/rerank")):
            result, _ = self.measure(*SMALL, "--backend", backend, "-c", "2", "-n", "4")
            self.assertEqual(result["target"]["path"], path)
            self.assertEqual(result["points"][0]["figures"]["completed"], 4)
            self.assertGreater(result["points"][0]["figures"]["total_input_tokens"], 4 * 3 * 40)
        self.assertEqual(self.measure(*SMALL, "--endpoint", "/v2/rerank", "-c", "2", "-n", "4")[0]["target"]["path"], "/v2/rerank")

    def test_vllms_command_line(self):
        result, done = self.measure("--backend", "vllm-rerank", "--endpoint", "/v1/rerank", "--dataset-name", "random-rerank",
                                    "--num-prompts", "10", "--random-input-len", "24", "--random-batch-size", "4",
                                    "--request-rate", "inf", "--max-concurrency", "2", "--percentile-metrics", "e2el",
                                    "--metric-percentiles", "50,75", "--random-output-len", "1", "--ignore-eos", "--seed", "1")
        figures = result["points"][0]["figures"]
        self.assertEqual((figures["completed"], figures["total_input_sequences"]), (3, 10))
        self.assertIn("p75_e2el_ms", figures)
        for label in ("Successful requests:", "Request throughput (req/s):", "Total token throughput (tok/s):",
                      "Mean E2EL (ms):", "P75 E2EL (ms):"):
            self.assertIn(label, done.stdout)
        self.assertIn("--ignore-eos does not apply to a reranker", done.stderr)

    def test_requests_of_a_file(self):
        path = self.folder / "requests.jsonl"
        path.write_text('{"query":"q","documents":["a","b"],"top_n":1}\n'
                        '{"text_1":"q","text_2":["a","b","c"]}\n'
                        '{"query":"q","texts":["a"],"return_text":true}\n', encoding="utf-8")
        result, _ = self.measure("--dataset-path", str(path), "-c", "1", "-n", "6")
        point = result["points"][0]
        self.assertEqual(point["requests"]["documents"], [2, 3, 1, 2, 3, 1])
        self.assertEqual(point["figures"]["failed"], 0)

    def test_saved_as_vllm_does(self):
        folder = self.folder / "results"
        done = bench("--base-url", self.url, *SMALL, "-c", "1", "-n", "2", "--save-result", "--result-dir", str(folder),
                     "--result-filename", "x.json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads((folder / "x.json").read_text(encoding="utf-8"))["points"][0]["figures"]["completed"], 2)

    def test_compare_and_report(self):
        first = self.folder / "first.json"
        second = self.folder / "second.json"
        for path, load in ((first, ["-c", "1,2"]), (second, ["-c", "2,4"])):
            done = bench("--base-url", self.url, *SMALL, *load, "-n", "30", "-o", str(path), "--label", f"<{path.stem}>")
            self.assertEqual(done.returncode, 0, done.stderr)
        compared = bench("compare", str(first), str(second))
        self.assertEqual(compared.returncode, 0, compared.stderr)
        self.assertIn("2 concurrent, 3 documents of 5 words", compared.stdout)
        self.assertIn("only in A", compared.stdout)
        self.assertIn("only in B", compared.stdout)
        same = bench("compare", str(first), str(first), "--format", "markdown")
        self.assertEqual(set(re.findall(r"\| +(\d\.\d{3}) \|", same.stdout)), {"1.000"})
        page = self.folder / "report.html"
        reported = bench("report", str(first), str(second), "-o", str(page), "--title", "This & that")
        self.assertEqual(reported.returncode, 0, reported.stderr)
        root = xml.etree.ElementTree.fromstring(page.read_text(encoding="utf-8"))
        self.assertEqual(root.find("head/title").text, "This & that")
        self.assertGreaterEqual(sum(1 for _ in root.iter("{http://www.w3.org/2000/svg}svg")), 3 + 4)
        self.look_at(page)

    def look_at(self, page):
        """In a browser, where there is one: no errors, text that can be read, nothing wider than the window."""
        if chromium_pipe.chromium() is None:
            return
        for dark, width in ((False, 1280), (True, 1280), (False, 420)):
            with chromium_pipe.Page(page.as_uri(), width=width, dark=dark) as shown:
                self.assertEqual(shown.errors, [])
                self.assertEqual([fault for fault in shown.value(CONTRAST) if not fault.startswith(("text", "title"))], [])
                self.assertTrue(shown.value("document.documentElement.scrollWidth <= innerWidth"))

    def test_offline(self):
        path = self.folder / "offline.json"
        done = bench("--offline", "-m", MODEL, "--no-weight-cache", "--dtype", "float32", *SMALL, "-c", "2", "-n", "6", "-o", str(path))
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(path.read_text(encoding="utf-8"))
        self.assertEqual(result["target"]["kind"], "engine in process")
        self.assertEqual(result["points"][0]["figures"]["total_input_sequences"], 18)

    def test_exact_lengths_with_a_tokenizer(self):
        """Made of the tokenizer's own words, a text of N words is N tokens: the server counts as many more for ten more."""
        totals = []
        for words in (10, 20):
            result, _ = self.measure("--tokenizer", str(HERE.parent.parent / "models/demo/tokenizer.json"), "-d", "1", "-w", str(words),
                                     "-c", "1", "-n", "3")
            totals += [result["points"][0]["requests"]["tokens"]]
        self.assertEqual({more - less for less, more in zip(*totals)}, {10})

    def test_failures_are_counted_and_told(self):
        done = bench("--base-url", self.url, "-m", "nobody", *SMALL, "-c", "1", "-n", "2")
        self.assertEqual(done.returncode, 1)
        self.assertIn("the test request to " + self.url + "/v1/rerank failed, so nothing was measured: HTTP 404: "
                      "The model `nobody` does not exist.", done.stderr)
        path = self.folder / "mixed.jsonl"
        path.write_text('{"query":"q","documents":["a"]}\n{"query":"q","documents":["a"],"top_n":-1}\n', encoding="utf-8")
        result, done = self.measure("--dataset-path", str(path), "-c", "1", "-n", "4")
        point = result["points"][0]
        self.assertEqual((point["figures"]["completed"], point["figures"]["failed"]), (2, 2))
        self.assertEqual(point["failures"]["HTTP 400"]["count"], 2)
        self.assertEqual(len(point["requests"]["latency_us"]), 2)
        self.assertIn("2 failed: HTTP 400; the first: top_n", done.stderr)

    def test_wrong_usage(self):
        for arguments, message in ((["-c", "0"], "--concurrency: \"0\" is not a whole number from 1 to 65536"),
                                   (["--request-rate", "1,x"], "--request-rate: \"x\" is not a number above 0 and at most"),
                                   (["--request-rate", "inf"], "set their number with --num-requests"),
                                   (["--offline"], "--offline needs a model"),
                                   (["--percentile-metrics", "ttft"], "only e2el"),
                                   (["--dataset-name", "custom"], "--dataset-path FILE"),
                                   (["--concurency", "1"], "unknown flag --concurency; did you mean --concurrency?"),
                                   (["compare", "x.json"], "B is required")):
            done = bench(*arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(message, done.stderr)
        done = bench("--base-url", "localhost:8000")
        self.assertEqual(done.returncode, 1)
        self.assertIn("http://HOST:PORT", done.stderr)
        self.assertIn("cannot read nowhere.json", bench("compare", "nowhere.json", "nowhere.json").stderr)

    def test_nobody_listens(self):
        done = bench("--base-url", "http://127.0.0.1:9", *SMALL, "-n", "1")
        self.assertEqual(done.returncode, 1)
        self.assertIn("no connection: cannot connect: Connection refused", done.stderr)

    def test_interrupted(self):
        path = self.folder / "interrupted.json"
        before = self.answered()
        process = subprocess.Popen([PROGRAM, "bench", "--base-url", self.url, *SMALL, "-c", "2", "--num-warmups", "0",
                                    "--duration", "3600", "-o", str(path)],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while self.answered() < before + 5:
            self.assertIsNone(process.poll(), "it ended by itself")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG)
        self.assertEqual(process.returncode, 130, err)
        self.assertIn("Successful requests:", out)
        self.assertIn("2 concurrent: stopped early", err)
        point = json.loads(path.read_text(encoding="utf-8"))["points"][0]
        self.assertTrue(point["interrupted"])
        self.assertGreaterEqual(point["figures"]["completed"], 1)

    def answered(self):
        return sum(value for name, value in self.service.metrics().items()
                   if name.startswith("vllm:request_success_total"))

    def test_key_and_environment(self):
        with ServiceProcess("--api-key", "sesame") as service:
            url = f"http://127.0.0.1:{service.port}"
            refused = bench(*SMALL, "-n", "1", environment={"RERANK_URL": url})
            self.assertIn("HTTP 401", refused.stderr)
            for environment, arguments in (({"RERANK_API_KEY": "sesame"}, []), ({"VLLM_API_KEY": "sesame"}, []),
                                           ({}, ["--api-key", "sesame"])):
                path = self.folder / "key.json"
                done = bench(*SMALL, "-n", "2", "-o", str(path), *arguments, environment={"RERANK_URL": url, **environment})
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertNotIn("sesame", path.read_text(encoding="utf-8"))

    def test_unix_socket_and_tls(self):
        socket = str(self.folder / "socket")
        with ServiceProcess("--uds", socket, wait=False) as service:
            service.wait_for_log("ready on ")
            self.assertEqual(bench("--base-url", "unix:" + socket, *SMALL, "-c", "2", "-n", "4").returncode, 0)
        key, certificate = str(self.folder / "key.pem"), str(self.folder / "cert.pem")
        try:
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                            "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
                           check=True, capture_output=True)
        except FileNotFoundError:
            self.skipTest("there is no openssl program here")
        with ServiceProcess("--ssl-keyfile", key, "--ssl-certfile", certificate) as service:
            url = f"https://localhost:{service.port}"
            self.assertIn("certificate", bench("--base-url", url, *SMALL, "-n", "2").stderr)
            for trust in ({"environment": {"SSL_CERT_FILE": certificate}}, {"insecure": True}):
                more = ["--insecure"] if trust.pop("insecure", False) else []
                done = bench("--base-url", url, *SMALL, "-c", "2", "-n", "4", *more, **trust)
                self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    run_tests()
