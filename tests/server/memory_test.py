#!/usr/bin/env python3
"""What strangers can make a server hold: peak resident memory stays below rest + CONSTANT x --max-buffered-bytes
whatever comes in. One adversary for each way in; each sends as much as it can, from many connections."""

import contextlib
import gzip
import json
import socket
import threading
import time
import unittest

from service_process import SANITIZED, ServiceProcess, ask_on, run_tests

BUDGET = 64 << 20
BODY = 8 << 20
CONSTANT = 1.5  # of docs/serving.md
CONNECTIONS = 24
SECONDS = 0.7


def head_of(path, body, more=""):
    return (f"POST {path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(body)}\r\n\r\n").encode()


def request_of(path, body, more=""):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return head_of(path, body, more) + body


def status_in(reply):
    return int(reply[9:12]) if reply.startswith(b"HTTP/1.1 ") else 0


class Adversary:
    """Sends `requests` in turn from many connections until the time is up; reads replies, or does not."""

    def __init__(self, service, requests, reads=True):
        self.service = service
        self.requests = requests
        self.reads = reads
        self.deadline = time.monotonic() + SECONDS
        self.statuses = {}
        self.lock = threading.Lock()

    def run(self):
        threads = [threading.Thread(target=self.send, args=(index,)) for index in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self.statuses

    def send(self, index):
        while time.monotonic() < self.deadline:
            with contextlib.suppress(OSError), socket.socket() as connection:
                if not self.reads:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.settimeout(10)
                connection.connect(("127.0.0.1", self.service.port))
                if self.reads:
                    self.converse(connection, index)
                else:
                    self.fall_silent(connection, index)

    def converse(self, connection, index):
        while time.monotonic() < self.deadline:
            connection.sendall(self.requests[index % len(self.requests)])
            index += 1
            reply = b""
            while b"\r\n\r\n" not in reply:
                block = connection.recv(65536)
                if not block:
                    return
                reply += block
            head, _, body = reply.partition(b"\r\n\r\n")
            with self.lock:
                self.statuses[status_in(head)] = self.statuses.get(status_in(head), 0) + 1
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            left = length - len(body)
            while left > 0:
                block = connection.recv(min(left, 1 << 20))
                if not block:
                    return
                left -= len(block)
            if b"connection: close" in head.lower():
                return

    def fall_silent(self, connection, index):
        """One request after the other, no reply is read."""
        connection.settimeout(0.2)
        while time.monotonic() < self.deadline:
            try:
                connection.sendall(self.requests[index % len(self.requests)])
            except TimeoutError:
                break
        time.sleep(max(0, self.deadline - time.monotonic()))


class Memory(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = ServiceProcess("--max-buffered-bytes", str(BUDGET), "--max-body-bytes", str(BODY),
                                     "--max-model-len", "512", "--request-timeout", "20", "--disable-access-log")
        # What the engine touches once it has work stays. Under a sanitizer memory is not measured, and 40 documents would
        # take longer than the request's time on a busy machine.
        long = "word " * 600
        for _ in range(2):
            cls.service.rerank("warm up " * 50, [long] * (2 if SANITIZED else 40), return_documents=False)
        cls.rest = cls.memory("VmRSS")

    @classmethod
    def tearDownClass(cls):
        code = cls.service.end()
        cls.service.__exit__()
        assert code == 0, f"exit code {code}"

    @classmethod
    def memory(cls, name):
        with open(f"/proc/{cls.service.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith(name + ":"))

    def attack(self, *requests, reads=True):
        before = self.memory("VmRSS")
        with open(f"/proc/{self.service.process.pid}/clear_refs", "w", encoding="ascii") as file:
            file.write("5")  # the peak begins anew
        adversary = Adversary(self.service, requests, reads)
        waits = []
        probe = threading.Thread(target=self.probe, args=(adversary.deadline, waits))
        probe.start()
        statuses = adversary.run()
        probe.join()
        peak = self.memory("VmHWM")
        print(f"\n  rest {self.rest >> 20} MiB, before {before >> 20} MiB, peak {peak >> 20} MiB, /health "
              f"{1000 * max(waits):.0f} ms, {statuses}", end=" ", flush=True)
        if not SANITIZED:
            self.assertLessEqual(peak, self.rest + CONSTANT * BUDGET)
            self.assertLess(max(waits), 2)  # a busy machine's; 0.1 on one of its own
        self.assertNotIn(500, statuses)
        self.wait_until_empty()
        self.assertEqual(len(self.service.rerank("q", ["d"])["results"]), 1)
        return statuses

    def probe(self, deadline, waits):
        """How long /health takes meanwhile: whatever comes in, it is answered with 200."""
        with contextlib.closing(self.service.connect()) as connection:
            while not waits or time.monotonic() < deadline:
                began = time.monotonic()
                status = ask_on(connection, "GET", "/health")[0]
                waits.append(time.monotonic() - began if status == 200 else 1000)
                time.sleep(0.01)

    def wait_until_empty(self):
        self.service.wait_for_metric("rerank_http_buffered_bytes", 0)

    def test_gzip(self):
        text = json.dumps({"query": "q", "documents": ["word " * (BODY // 5 - 20)]}).encode()
        packed = gzip.compress(text)
        unbroken = gzip.compress(json.dumps({"query": "q", "documents": ["x" * (BODY - 100)]}).encode())
        bomb = gzip.compress(b" " * (200 << 20))
        self.attack(*[request_of("/rerank", body, "Content-Encoding: gzip\r\n") for body in (packed, unbroken, bomb)])

    def test_rank_fields(self):
        fields = {f"f{index}": "x" * 10000 for index in range(32)}
        statuses = self.attack(
            request_of("/rerank", {"query": "q", "documents": [{"a": "x" * 400000}], "rank_fields": ["a"] * 1000}),
            request_of("/rerank", {"query": "q", "documents": [fields], "rank_fields": list(fields)}),
            request_of("/rerank", {"query": "q", "documents": [{"a": [1e-7] * 30000}], "rank_fields": ["a"]}))
        self.assertIn(200, statuses)

    def test_instruction_of_many_pairs(self):
        pairs = [str(index) for index in range(4000)]
        self.attack(request_of("/score", {"instruction": "i" * 200000, "text_1": pairs, "text_2": pairs}))

    def test_tokenize(self):
        most = 64 * 512
        statuses = self.attack(request_of("/tokenize", {"inputs": ["7" * (most // 8)] * 8}),
                               request_of("/tokenize", {"prompt": "\U0001f600" * (most // 4)}),
                               request_of("/tokenize", {"prompt": "7" * (4 << 20)}))
        self.assertEqual(set(statuses) - {200, 400, 429}, set())
        statuses = self.attack(request_of("/detokenize", {"tokens": [5] * (8 * 512)}),
                               request_of("/detokenize", {"tokens": [5] * 500000}))
        self.assertEqual(set(statuses) - {200, 400, 429}, set())

    def test_deep_and_wide_json(self):
        def body(values):
            return ('{"query":"q","documents":["d"],"x":[' + values + "]}").encode()
        deep = "[" * 20 + "]" * 20
        self.attack(*(request_of("/rerank", body(",".join([value] * (4000000 // (len(value) + 1)))))
                      for value in (deep, "[0]", "[]", '{"":{"":0}}', '"\\u0041"')))

    def test_many_small_values(self):
        self.attack(request_of("/rerank", {"query": "q", "documents": ["d"] * 10000}),
                    request_of("/rerank", {"query": "q", "documents": [{"text": "d"}] * 10000}),
                    request_of("/detokenize", {"tokens": [1] * 900000}))

    def test_replies_that_nobody_reads(self):
        document = "\x7f" * 50000  # six bytes each in JSON
        large = request_of("/voyage/rerank", {"query": "q", "documents": [document] * 4}).replace(b"\\u007f", b"\x7f")
        plain = request_of("/rerank", {"query": "q", "documents": ["x" * 200000] * 4})
        self.attack(large, reads=False)
        self.attack(plain, reads=False)
        self.attack(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n",
                    reads=False)

    def test_bodies_that_do_not_end(self):
        body = b'{"query":"' + b"x" * (BODY - 100)
        self.attack(head_of("/rerank", body + b"x" * 50) + body, reads=False)


if __name__ == "__main__":
    run_tests()
