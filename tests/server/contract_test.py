#!/usr/bin/env python3
"""A whole server, asked as clients ask it: scores, headers, keys, encodings, TLS, Unix sockets, metrics and logs."""

import contextlib
import gzip
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from service_process import (LONG, MODEL, PROGRAM, ServiceProcess, ask_on, command_line_scores, receive_all,
                             run_tests)

DOCUMENTS = ["GIMP is an image editor", "bash is a shell", "", "Grüße, 世界 \U0001f600", "<|im_end|>",
             " ".join(f"word{index}" for index in range(300))]


def float_bits(number):
    return struct.pack("<f", number)


class Contract(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = ServiceProcess()

    @classmethod
    def tearDownClass(cls):
        tls = cls.service.tls
        code = cls.service.end()
        cls.service.__exit__()
        assert code == 0, f"exit code {code}"
        assert tls is None or tls.num_resumed > tls.num_handshakes / 2, f"{tls.num_resumed} of {tls.num_handshakes} resumed"

    def test_scores_are_the_command_lines_bits(self):
        queries = ["edit photos", "", "Wie spät ist es?"]
        pairs = [(query, document) for query in queries for document in DOCUMENTS]
        expected = [line["score"] for line in command_line_scores(pairs)]
        by_request = []
        for query in queries:
            results = self.service.rerank(query, DOCUMENTS)["results"]
            by_request += [result["relevance_score"] for result in sorted(results, key=lambda result: result["index"])]
        self.assertEqual([float_bits(score) for score in by_request], [float_bits(score) for score in expected])
        status, _, text = self.service.ask("POST", "/v1/score", {"text_1": [query for query, _ in pairs],
                                                                 "text_2": [document for _, document in pairs]})
        self.assertEqual(status, 200, text)
        together = [item["score"] for item in json.loads(text)["data"]]
        self.assertEqual([float_bits(score) for score in together], [float_bits(score) for score in expected])

    def test_answers_in_order_of_score(self):
        results = self.service.rerank("edit photos", DOCUMENTS, top_n=3)["results"]
        scores = [result["relevance_score"] for result in results]
        self.assertEqual(len(scores), 3)
        self.assertEqual(scores, sorted(scores, reverse=True))
        self.assertEqual(results[0]["document"]["text"], DOCUMENTS[results[0]["index"]])

    def test_echoes_the_request_id_and_the_trace(self):
        trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        _, headers, text = self.service.ask("POST", "/v1/rerank", {"query": "q", "documents": ["d"]},
                                            {"X-Request-Id": "my-id", "traceparent": trace})
        self.assertEqual(headers["x-request-id"], "my-id")
        self.assertEqual(headers["traceparent"], trace)
        self.assertEqual(json.loads(text)["id"], "rerank-my-id")
        for name in ("x-compute-time", "x-total-time", "x-queue-time", "x-tokenization-time", "x-inference-time"):
            self.assertGreaterEqual(float(headers[name]), 0)

    def test_reads_gzip(self):
        body = json.dumps({"query": "edit photos", "documents": DOCUMENTS}).encode()
        plain = self.service.ask("POST", "/rerank", body)
        packed = self.service.ask("POST", "/rerank", gzip.compress(body), {"Content-Encoding": "gzip"})
        self.assertEqual(packed[0], 200)
        self.assertEqual(json.loads(packed[2])["results"], json.loads(plain[2])["results"])
        self.assertEqual(self.service.ask("POST", "/rerank", b"\x1f\x8bno", {"Content-Encoding": "gzip"})[0], 400)
        bomb = gzip.compress(b" " * (100 << 20))
        self.assertEqual(self.service.ask("POST", "/rerank", bomb, {"Content-Encoding": "gzip"})[0], 413)

    def test_reads_chunked_bodies(self):
        with self.service.socket() as connection:
            body = json.dumps({"query": "q", "documents": ["d"]}).encode()
            connection.sendall(b"POST /rerank HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                               b"Connection: close\r\n\r\n")
            for letter in body:
                connection.sendall(b"1\r\n" + bytes([letter]) + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
            self.assertTrue(receive_all(connection).startswith("HTTP/1.1 200 "))

    def test_keeps_connections_and_answers_pipelined_requests_in_order(self):
        with self.service.socket() as connection:
            for index in range(20):
                body = json.dumps({"query": "q", "documents": ["d"] * (1 + index % 3)})
                end = "Connection: close\r\n" if index == 19 else ""
                connection.sendall(f"POST /rerank HTTP/1.1\r\nHost: x\r\nX-Request-Id: {index}\r\n{end}"
                                   f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            text = receive_all(connection)
        self.assertEqual(re.findall(r"\r\nx-request-id: (\d+)\r\n", text), [str(index) for index in range(20)])
        self.assertEqual(text.count("HTTP/1.1 200 OK"), 20)

    def test_answers_pages_of_other_origins(self):
        _, headers, _ = self.service.ask("OPTIONS", "/v1/rerank", headers={
            "Origin": "https://a.example", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type"})
        self.assertEqual(headers["access-control-allow-origin"], "*")
        self.assertIn("POST", headers["access-control-allow-methods"])
        _, headers, _ = self.service.ask("GET", "/health", headers={"Origin": "https://a.example"})
        self.assertEqual(headers["access-control-allow-origin"], "*")

    def test_refuses_what_is_too_large(self):
        with self.service.socket() as connection:
            connection.sendall(b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Length: 68719476736\r\n\r\n")
            self.assertTrue(receive_all(connection).startswith("HTTP/1.1 413 "))
        self.assertEqual(self.service.ask("GET", "/health", headers={"X-Long": "x" * 60000})[0], 431)
        self.assertEqual(self.service.ask("POST", "/rerank", {"query": "q", "documents": ["d"] * 10001})[0], 400)

    def test_takes_addresses_as_proxies_write_them(self):
        self.assertEqual(self.service.ask("GET", "http://a.example:80/health")[0], 200)
        body = json.dumps({"query": "q", "documents": ["d"]})
        self.assertEqual(self.service.ask("POST", "http://a.example/v1/rerank", body)[0], 200)

    def test_serves_pages_and_contract(self):
        for path, kind in (("/", "text/html"), ("/docs", "text/html"), ("/openapi.json", "application/json"),
                           ("/v1/models", "application/json"), ("/info", "application/json")):
            status, headers, text = self.service.ask("GET", path)
            self.assertEqual(status, 200, path)
            self.assertTrue(headers["content-type"].startswith(kind), path)
            self.assertEqual(self.service.ask("HEAD", path)[2], "")
            self.assertEqual(int(headers["content-length"]), len(text.encode()))

    def test_metrics_are_well_formed(self):
        self.service.rerank("edit photos", DOCUMENTS)
        families, seen = {}, set()
        name = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
        label = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
        sample = re.compile(rf"({name})(?:\{{({label}(?:,{label})*)?\}})? (NaN|[+-]Inf|[-+0-9.e]+)")
        text = self.service.ask("GET", "/metrics")[2]
        self.assertTrue(text.endswith("\n"))
        for line in text.splitlines():
            if line.startswith("# "):
                _, what, family, rest = line.split(" ", 3)
                if what == "TYPE":
                    self.assertNotIn(family, families)
                    families[family] = rest
                continue
            found = sample.fullmatch(line)
            self.assertIsNotNone(found, line)
            self.assertNotIn(line.rpartition(" ")[0], seen)
            seen.add(line.rpartition(" ")[0])
            family = re.sub("_(bucket|sum|count)$", "", found.group(1))
            family = family if families.get(family) == "histogram" else found.group(1)
            self.assertIn(family, families)
        if shutil.which("promtool"):
            checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
            faults = [line for line in checked.stderr.splitlines() if "should not contain ':'" not in line]
            self.assertEqual(faults, [])  # the colons are vLLM's
            if families[family] == "counter":
                self.assertTrue(family.endswith("_total"), family)
            float(found.group(3))
        for wanted in ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
                       "vllm:cache_config_info", "vllm:prompt_tokens_total", "vllm:prefix_cache_queries_total",
                       "vllm:prefix_cache_hits_total", "vllm:request_success_total",
                       "vllm:e2e_request_latency_seconds", "http_requests_total", "http_request_duration_seconds",
                       "rerank_request_queue_seconds", "rerank_request_tokenize_seconds",
                       "rerank_request_compute_seconds",
                       "rerank_request_total_seconds", "rerank_batch_fill_ratio", "rerank_rejected_requests_total"):
            self.assertIn(wanted, families)
        for histogram in (family for family, kind in families.items() if kind == "histogram"):
            self.check_buckets(text, histogram)

    def check_buckets(self, text, histogram):
        """Cumulative, and as many in all as counted."""
        series = {}
        for labels, value in re.findall(rf"^{histogram}_bucket{{(.*)}} (\S+)$", text, re.MULTILINE):
            series.setdefault(re.sub(r'(^|,)le="[^"]*"', "", labels).strip(","), []).append(float(value))
        for labels, counts in series.items():
            self.assertEqual(counts, sorted(counts), histogram)
            total = re.search(rf"^{histogram}_count{re.escape('{' + labels + '}') if labels else ''} (\S+)$", text,
                              re.MULTILINE)
            self.assertEqual(counts[-1], float(total.group(1)), histogram)


class Access(unittest.TestCase):
    def test_every_post_needs_the_key_and_no_other_user_sees_it(self):
        with ServiceProcess("--api-key", "secret-one", "--api-key=secret-two") as service:
            paths = json.loads(service.ask("GET", "/openapi.json")[2])["paths"]
            posts = [path.replace("{model}", "demo") for path, methods in paths.items() if "post" in methods]
            self.assertGreater(len(posts), 8)
            for path in posts:
                for headers in ({}, {"Authorization": "Bearer secret"}, {"Authorization": ""}):
                    self.assertEqual(service.ask("POST", path, {"query": "q", "documents": ["d"]}, headers)[0], 401)
            for key in ("secret-one", "secret-two"):
                self.assertEqual(service.ask("POST", "/rerank", {"query": "q", "documents": ["d"]},
                                             {"Authorization": f"bearer {key}"})[0], 200)
            for path in ("/health", "/ping", "/metrics", "/v1/cluster/auth"):
                self.assertEqual(service.ask("GET", path)[0], 200)
            arguments = pathlib.Path(f"/proc/{service.process.pid}/cmdline").read_bytes()
            self.assertIn(b"--api-key", arguments)
            self.assertNotIn(b"secret", arguments)
            self.assertNotIn("secret", "".join(service.log))

    def test_keys_come_from_a_file_or_the_environment(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("# comment\n\n  from-file \n")
            file.flush()
            with ServiceProcess("--api-key-file", file.name) as service:
                self.assertEqual(service.ask("POST", "/rerank", {"query": "q", "documents": ["d"]},
                                             {"Authorization": "Bearer # comment"})[0], 401)
                self.assertEqual(service.ask("POST", "/rerank", {"query": "q", "documents": ["d"]},
                                             {"Authorization": "Bearer from-file"})[0], 200)
        with ServiceProcess(environment={"VLLM_API_KEY": "from-environment"}) as service:
            self.assertEqual(service.ask("POST", "/rerank", {"query": "q", "documents": ["d"]})[0], 401)
            self.assertEqual(service.ask("POST", "/rerank", {"query": "q", "documents": ["d"]},
                                         {"Authorization": "Bearer from-environment"})[0], 200)

    def test_listens_on_a_unix_socket(self):
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/rerank.sock"
            with ServiceProcess("--uds", path) as service:
                connection = http.client.HTTPConnection("localhost")
                plain = socket.socket(socket.AF_UNIX)
                plain.connect(path)
                connection.sock = service.wrap(plain)
                self.assertEqual(ask_on(connection, "GET", "/health")[0], 200)
                connection.close()
            self.assertFalse(os.path.exists(path))

class Logs(unittest.TestCase):
    def test_never_hold_texts_unless_asked(self):
        body = {"query": "secret query", "documents": ["secret document"]}
        with ServiceProcess("--log-requests", "--log-format", "json") as service:
            service.ask("POST", "/rerank", body, {"X-Request-Id": "logged-id"})
        lines = [json.loads(line) for line in service.log if line]
        by_message = {line["message"]: line for line in lines}
        self.assertEqual(by_message["received"]["documents"], 1)
        for name in ("documents", "tokens", "cached_tokens", "queue_ms", "tokenize_ms", "compute_ms", "total_ms"):
            self.assertIn(name, by_message["request"])
        self.assertEqual(by_message["request"]["request_id"], "logged-id")
        self.assertNotIn("secret", "".join(service.log))
        with ServiceProcess("--log-requests", "--log-request-texts") as service:
            service.ask("POST", "/rerank", body)
        self.assertIn("secret document", "".join(service.log))

    def test_say_who_and_why(self):
        with ServiceProcess("--log-format", "json", "--api-key", "key") as service:
            key = {"Authorization": "Bearer key"}
            service.ask("POST", "/rerank?token=secret", {"query": "q"}, key)
            service.ask("POST", "/rerank", {"query": "q", "documents": ["d"]})
            service.ask("POST", "/rerank", {"query": "q", "documents": ["d"], "model": "x"}, key)
            service.ask("POST", "/rerank", {"query": "q", "documents": ["d " * 400] * 100}, {
                **key, "X-Request-Timeout": "0.001"})
            with service.socket() as connection:
                connection.sendall(b"nonsense\r\n\r\n")
                receive_all(connection)
        lines = [json.loads(line) for line in service.log if line]
        by_status = {line["status"]: line for line in lines if line["message"] == "request"}
        # A line follows its reply, so the next request may be logged first.
        self.assertCountEqual([line["status"] for line in lines if line["message"] == "request"], [400, 400, 401, 404, 504])
        for status, reason in ((401, "API key"), (404, "does not exist"), (504, "deadline")):
            self.assertIn(reason, by_status[status]["error"])
        self.assertTrue(any("documents is missing" in line["error"] for line in lines if line.get("status") == 400))
        self.assertTrue(all("127.0.0.1" in line["peer"] for line in lines if line["message"] == "request"))
        self.assertNotIn("secret", "".join(service.log))

    def test_cannot_be_forged(self):
        with ServiceProcess() as service:
            with service.socket() as connection:
                connection.sendall(b"GET /a%0Aforged HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Request-Id: a\x0bb\r\n\r\n")
                receive_all(connection)
        self.assertFalse([line for line in service.log if line and not line.startswith("[")])

    def test_say_who_broke_the_rules_of_http(self):
        with ServiceProcess("--header-timeout", "1") as service:
            for text in (b"POST /a HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", b"POST /b HTTP/1.1\r\nHost: x\r\n",
                         b"POST /c HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 40000):
                with service.socket() as connection:
                    connection.sendall(text)
                    receive_all(connection)
        lines = [line for line in service.log if "] request " in line]
        for path, status in (("/a", 400), ("/b", 408), ("/c", 431)):
            self.assertEqual(len([line for line in lines if re.search(
                rf" peer=127\.0\.0\.1:\d+ method=POST path={path} status={status} ", line)]), 1, lines)

    def test_a_full_disk_for_them_is_no_failure(self):
        with open("/dev/full", "w", encoding="ascii") as full, self.unheard(full) as service:
            self.assertEqual(len(service.rerank("q", ["d"])["results"]), 1)
            self.assertEqual(service.end(), 0)

    def test_nobody_waits_for_their_reader(self):
        reader, writer = os.pipe()
        with self.unheard(writer) as service, contextlib.closing(service.connect()) as connection:
            num_requests = 1000  # of 200 bytes and more each; a pipe holds 65536
            for _ in range(num_requests):
                self.assertEqual(ask_on(connection, "GET", "/nothing")[0], 404)
            os.close(writer)
            self.assertLess(len(os.read(reader, 1 << 20)), 1 << 17)
            ask_on(connection, "GET", "/nothing")
            self.assertIn(b" lines before this one were dropped", os.read(reader, 1 << 20))
            self.assertGreater(service.metrics()["rerank_log_dropped_lines_total"], 0)
            self.assertEqual(service.end(), 0)
        os.close(reader)

    def unheard(self, stderr):
        """A server whose log does not come here, ready."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        service = ServiceProcess("--port", str(port), stderr=stderr)
        service.port = port
        deadline = time.monotonic() + LONG
        while time.monotonic() < deadline:
            try:
                if service.ask("GET", "/health")[0] == 200:
                    break
            except ConnectionRefusedError:
                pass
            time.sleep(0.02)
        return service


class CommandLine(unittest.TestCase):
    def refuse(self, *flags):
        done = subprocess.run([PROGRAM, "serve", *flags], capture_output=True, text=True, timeout=LONG, check=False)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_takes_the_flags_of_scripts_for_vllm(self):
        with tempfile.TemporaryDirectory() as folder:
            with ServiceProcess(
                    "--served-model-name", "first", "second", "--max-model-len", "512", "--max-num-batched-tokens",
                    "256", "--max-num-seqs", "16", "--enable-prefix-caching", "--uvicorn-log-level", "debug",
                    "--disable-uvicorn-access-log", "--disable-log-stats", "--allowed-origins",
                    '["https://a.example"]', "--seed", "0", "--task", "score", "--runner", "pooling", "--convert",
                    "classify", "--chat-template", f"{folder}/none.jinja", "--hf-overrides",
                    '{"architectures":["Qwen3ForSequenceClassification"],"classifier_from_token":["no","yes"],'
                    '"is_original_qwen3_reranker":true}', "--trust-remote-code", "--root-path", "/prefix") as service:
                names = [card["id"] for card in json.loads(service.ask("GET", "/prefix/v1/models")[2])["data"]]
                self.assertEqual(names[-2:], ["first", "second"])
                self.assertEqual(service.rerank("q", ["d"], model="second")["model"], names[0])
                self.assertEqual(service.ask("POST", "/rerank", {"query": "q", "documents": ["d"], "model": "x"})[0],
                                 404)
                headers = service.ask("GET", "/health", headers={"Origin": "https://b.example"})[1]
                self.assertNotIn("access-control-allow-origin", headers)
        self.assertIn("--chat-template is ignored", "".join(service.log))
        self.assertFalse([line for line in service.log if "] request " in line])

    def test_refuses_what_means_something_else(self):
        self.assertIn("--task embed", self.refuse(MODEL, "--task", "embed"))
        self.assertIn("--runner generate", self.refuse(MODEL, "--runner", "generate"))
        self.assertIn("architectures", self.refuse(MODEL, "--hf-overrides", '{"architectures":["LlamaModel"]}'))
        self.assertIn("--hf-overrides", self.refuse(MODEL, "--hf-overrides", "{"))
        self.assertIn("did you mean --served-model-name?", self.refuse(MODEL, "--served-model-nmae", "x"))
        self.assertIn("no model given", self.refuse())
        self.assertIn("--idle-timeout", self.refuse(MODEL, "--idle-timeout", "soon"))
        self.assertIn("--max-documents", self.refuse(MODEL, "--max-documents", "0"))

    def test_warns_where_everybody_may_ask(self):
        with ServiceProcess() as service:
            self.assertNotIn("no API key", "".join(service.log))
        with ServiceProcess("--host", "0.0.0.0") as service:
            # Over TLS these servers ask for client certificates, so not everybody may.
            check = self.assertNotIn if os.environ.get("RERANK_TEST_TLS") else self.assertIn
            check("no API key is set", "".join(service.log))

    def test_bounds_every_number(self):
        for flag, value in (("--max-documents", "1000000001"), ("--max-queued-documents", "9223372036854775807"),
                            ("--max-queued-tokens", "9223372036854775807"), ("--max-body-bytes", "99999999999999999"),
                            ("--max-buffered-bytes", "18446744073709551615"), ("--max-connections", "0")):
            self.assertRegex(self.refuse(MODEL, flag, value), "not a whole number( of bytes)? from 1 to")

    def test_says_that_the_port_is_in_use(self):
        with ServiceProcess() as service:
            text = self.refuse(MODEL, "--host", "127.0.0.1", "--port", str(service.port))
            self.assertIn("in use", text)
            self.assertIn(str(service.port), text)

    def test_says_that_there_is_no_such_model(self):
        self.assertIn("no-such-model", self.refuse("./no-such-model", "--host", "127.0.0.1", "--port", "0"))


if __name__ == "__main__":
    run_tests()
