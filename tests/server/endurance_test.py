#!/usr/bin/env python3
"""A whole server under load, with clients that misbehave and leave, and at its end: nothing accepted is lost, and
memory and descriptors stay flat. RERANK_TEST_REQUESTS and RERANK_TEST_CONNECTIONS make the long runs."""

import concurrent.futures
import contextlib
import json
import os
import resource
import signal
import socket
import tempfile
import threading
import time
import unittest

from service_process import (LONG, SANITIZED, ServiceProcess, ask_on, count_from_environment, receive_all, run_tests)

WORDS = "the quick brown fox jumps over a lazy dog while many other animals look on and wonder about it".split()


def body_of(num_documents, num_words, seed):
    documents = [" ".join(WORDS[(seed + 7 * row + column) % len(WORDS)] for column in range(num_words))
                 for row in range(num_documents)]
    return {"query": f"query {seed}", "documents": documents}


def post_text(path, body, more=""):
    text = json.dumps(body)
    return f"POST {path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(text)}\r\n\r\n{text}".encode()


class Loading(unittest.TestCase):
    def test_listens_meanwhile_and_can_be_ended(self):
        with tempfile.TemporaryDirectory() as folder:
            tokenizer = f"{folder}/tokenizer.json"
            os.mkfifo(tokenizer)  # who reads it waits for a writer
            with ServiceProcess("--tokenizer", tokenizer, wait=False) as service:
                service.wait_for_log("listening on ")
                self.assertEqual(service.ask("GET", "/v1/health/live")[0], 200)
                self.assertEqual(service.ask("GET", "/v1/health/ready")[0], 503)
                status, headers, _ = service.ask("POST", "/v1/rerank", {"query": "q", "documents": ["d"]})
                self.assertEqual(status, 503)
                self.assertGreater(int(headers["retry-after"]), 0)
                self.assertEqual(service.end(), 0)


class Ending(unittest.TestCase):
    def test_sigterm_under_load_loses_nothing_that_was_accepted(self):
        num_clients = 8
        with ServiceProcess("--threads", "1", "--drain-timeout", str(LONG)) as service:
            body = body_of(30, 60, 1)
            with concurrent.futures.ThreadPoolExecutor(num_clients) as pool:
                answers = [pool.submit(service.ask, "POST", "/v1/rerank", body) for _ in range(num_clients)]
                # The one that asks is busy too.
                service.wait_for_metric("rerank_http_busy_connections", num_clients + 1)
                service.process.send_signal(signal.SIGTERM)
                service.wait_for_log("shutting down: ")
                with self.assertRaises(ConnectionRefusedError):
                    service.socket()
                for answer in answers:
                    status, headers, text = answer.result()
                    self.assertEqual(status, 200, text)
                    self.assertEqual(len(json.loads(text)["results"]), 30)
                    self.assertEqual(headers.get("connection"), "close")
            self.assertEqual(service.process.wait(LONG), 0)

    def test_clients_that_go_on_get_whole_answers_or_none(self):
        stopped = threading.Event()
        outcomes = {"answered": 0, "turned away": 0}
        lock = threading.Lock()

        def client(service, number):
            with contextlib.closing(service.connect()) as connection:
                while not stopped.is_set():
                    try:
                        status, _, text = ask_on(connection, "POST", "/v1/rerank", body_of(5, 20, number))
                    except OSError:  # refused, or closed before the server had read the request
                        return
                    json.loads(text)
                    with lock:
                        outcomes["answered" if status == 200 else "turned away"] += 1
                    if status != 200:
                        self.assertEqual(status, 503)
                        return

        with ServiceProcess() as service:
            threads = [threading.Thread(target=client, args=(service, number)) for number in range(8)]
            for thread in threads:
                thread.start()
            while outcomes["answered"] < 20:
                time.sleep(0.01)
            code = service.end()
            stopped.set()
            for thread in threads:
                thread.join()
            self.assertEqual(code, 0)
            self.assertGreaterEqual(outcomes["answered"], 20)

    def test_what_does_not_finish_in_time_is_told_so(self):
        with ServiceProcess("--threads", "1", "--drain-timeout", "0") as service:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                answer = pool.submit(service.ask, "POST", "/v1/rerank", body_of(3000, 100, 1))
                service.wait_for_metric("vllm:num_requests_running{model_name=\"demo\",engine=\"0\"}", 1)
                self.assertEqual(service.end(), 0)
                status, _, text = answer.result()
                self.assertEqual(status, 503, text)
                self.assertIn("shutting down", text)

    def test_a_second_signal_ends_at_once(self):
        with ServiceProcess("--threads", "1") as service:
            with service.socket() as connection:
                connection.sendall(post_text("/v1/rerank", body_of(3000, 100, 1)))
                service.wait_for_metric("rerank_http_busy_connections", 2)
                service.process.send_signal(signal.SIGTERM)
                service.wait_for_log("shutting down: ")
                service.process.send_signal(signal.SIGTERM)
                self.assertEqual(service.process.wait(LONG), 130)

    def test_serves_on_while_routers_notice(self):
        with ServiceProcess("--shutdown-delay", "1000") as service:
            service.process.send_signal(signal.SIGTERM)
            while service.ask("GET", "/v1/health/ready")[0] == 200:
                time.sleep(0.01)
            self.assertEqual(service.ask("GET", "/v1/health/live")[0], 200)
            self.assertEqual(len(service.rerank("q", ["d"])["results"]), 1)
            service.process.kill()

    def test_tells_its_supervisor(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(f"{folder}/notify")
            listener.settimeout(LONG)

            def listen_for(*wanted):
                heard = ""
                deadline = time.monotonic() + LONG
                while not all(line in heard for line in wanted):
                    self.assertLess(time.monotonic(), deadline, heard)
                    heard += listener.recv(1000).decode() + "\n"

            # It is heard all the time, as by systemd: a queue holds ten messages.
            with ServiceProcess(environment={"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "200000"},
                                wait=False) as service:
                listen_for("READY=1")
                listen_for("WATCHDOG=1")
                service.process.send_signal(signal.SIGTERM)
                listen_for("STOPPING=1")
                self.assertEqual(service.process.wait(LONG), 0)


class Misbehaviour(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = ServiceProcess("--threads", "1", "--header-timeout", "3", "--body-timeout", "3")

    @classmethod
    def tearDownClass(cls):
        code = cls.service.end()
        cls.service.__exit__()
        assert code == 0, f"exit code {code}"

    def test_clients_that_leave_cost_nothing(self):
        large = post_text("/v1/rerank", body_of(3000, 100, 1))
        for index in range(20):
            with self.service.socket() as connection:
                if index % 2 == 0:
                    connection.sendall(large[:len(large) // (2 + index)])
                else:
                    connection.sendall(large)
                    self.service.wait_for_metric("rerank_http_busy_connections", 2)
                    self.service.wait_for_metric('rerank_queued_documents{model_name="demo",engine="0"}', 3000)
            self.service.wait_for_metric('rerank_queued_documents{model_name="demo",engine="0"}', 0)
        self.service.wait_for_metric("rerank_http_busy_connections", 1)
        self.service.wait_for_metric('rerank_requests_total{route="/v1/rerank",status="499"}', 10)
        self.service.wait_for_metric("rerank_http_buffered_bytes", 0)
        self.assertEqual(self.service.metrics()['rerank_queued_documents{model_name="demo",engine="0"}'], 0)
        self.assertEqual(len(self.service.rerank("q", ["d"])["results"]), 1)

    def test_slow_writers_hold_up_nobody(self):
        slow = [self.service.socket() for _ in range(20)]
        for index, connection in enumerate(slow):
            connection.sendall(b"POST /v1/rerank HTTP/1.1\r\n" if index % 2 == 0 else
                               post_text("/v1/rerank", body_of(3, 10, 1))[:-5])
        self.assertEqual(len(self.service.rerank("q", ["d"])["results"]), 1)
        for connection in slow:
            self.assertTrue(receive_all(connection).startswith("HTTP/1.1 408 "))
            connection.close()

    def test_slow_readers_hold_up_nobody(self):
        with self.service.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            body = {"query": "q", "documents": ["word " * 4000] * 10, "max_tokens_per_doc": 5}
            connection.sendall(post_text("/v1/rerank", body, "Connection: close\r\n"))
            for _ in range(5):
                self.assertEqual(len(self.service.rerank("q", ["d"])["results"]), 1)
            text = receive_all(connection)
            self.assertEqual(len(json.loads(text.partition("\r\n\r\n")[2])["results"]), 10)

    def test_health_answers_whatever_the_load(self):
        num_clients = 8
        stopped = threading.Event()

        def load(number):
            with contextlib.closing(self.service.connect()) as connection:
                while not stopped.is_set():
                    ask_on(connection, "POST", "/v1/rerank", body_of(20, 100, number))

        with concurrent.futures.ThreadPoolExecutor(num_clients) as pool:
            clients = [pool.submit(load, number) for number in range(num_clients)]
            times = []
            with contextlib.closing(self.service.connect()) as connection:
                for _ in range(100):
                    began = time.perf_counter()
                    self.assertEqual(ask_on(connection, "GET", "/health")[0], 200)
                    times.append(time.perf_counter() - began)
            stopped.set()
            for client in clients:
                client.result()
        times.sort()
        print(f"/health under load: median {1e3 * times[50]:.2f} ms, p99 {1e3 * times[98]:.2f} ms", flush=True)


class Growth(unittest.TestCase):
    def test_memory_and_descriptors_stay_flat(self):
        num_requests = count_from_environment("RERANK_TEST_REQUESTS", 1000)
        with ServiceProcess("--disable-uvicorn-access-log") as service:
            def ask(connection, seed):
                self.assertEqual(ask_on(connection, "POST", "/v1/rerank", body_of(1 + seed % 5, 10, seed))[0], 200)

            # What is kept on purpose is there after a tenth of the requests.
            figures = []
            for part in (num_requests // 10, num_requests):
                with contextlib.closing(service.connect()) as connection:
                    for seed in range(part):
                        ask(connection, seed)
                for seed in range(part // 10):
                    with contextlib.closing(service.connect()) as connection:
                        ask(connection, seed)
                service.wait_for_metric("rerank_http_connections", 1)
                figures.append((service.resident_bytes(), service.open_descriptors()))
            (first_bytes, first_open), (last_bytes, last_open) = figures
            print(f"resident memory {first_bytes >> 10} KiB after {num_requests // 10} requests, "
                  f"{last_bytes >> 10} KiB after {num_requests}; descriptors {first_open}, {last_open}", flush=True)
            self.assertLessEqual(last_open, first_open + 1)  # one may be closing just now
            if not SANITIZED:
                self.assertLess(last_bytes - first_bytes, 8 << 20)

    def test_silent_connections_cost_little(self):
        wanted = count_from_environment("RERANK_TEST_CONNECTIONS", 500)
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted + 100, limit[1]), limit[1]))
        with ServiceProcess("--idle-timeout", "100000", "--header-timeout", "100000") as service:
            service.rerank("q", ["d"])
            before = service.resident_bytes()
            connections = [service.socket() for _ in range(wanted)]
            for connection in connections:  # each has been used once
                connection.sendall(post_text("/v1/rerank", {"query": "q", "documents": ["d"]}))
                connection.recv(4096)
            service.wait_for_metric("rerank_http_connections", wanted + 1)
            each = (service.resident_bytes() - before) / wanted
            print(f"{wanted} silent connections: {each / 1024:.1f} KiB each", flush=True)
            if not SANITIZED:
                self.assertLess(each, 10_000)
            for connection in connections:
                connection.close()
            service.wait_for_metric("rerank_http_connections", 1)
            self.assertLess(service.open_descriptors(), 100)


if __name__ == "__main__":
    os.environ.setdefault("NO_COLOR", "1")
    run_tests()
