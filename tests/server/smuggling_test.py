#!/usr/bin/env python3
"""A server behind HAProxy, and behind Envoy where that is installed: no request reaches it that the proxy did not see as one.
Each odd framing carries a second request inside; the proxy marks what it lets through with an id of its own, and the
server's log shows what came. Exit code 77, skipped, where neither proxy is installed."""

import concurrent.futures
import contextlib
import re
import socket
import sys
import time
import unittest

from proxy_test import ENVOY, HAPROXY, Envoy, HaProxy
from service_process import LONG, ServiceProcess, run_tests

INNER = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"0\r\n\r\n" + INNER
SECONDS = 0.5  # for the answer to an odd request, if there is one


def odd_heads():
    """Fields that frame a body in ways that two readers might see differently."""
    length = b"Content-Length: %d\r\n" % len(INNER)
    coding = b"Transfer-Encoding: chunked\r\n"
    for value in (b"identity", b"gzip", b"gzip, chunked", b"chunked, identity", b"chunked, chunked", b"chunked chunked", b"xchunked",
                  b"chunked;q=1", b"\"chunked\"", b"chunked,", b",chunked", b"", b"\x0bchunked", b"chunked\x00", b"\xa0chunked",
                  b"chun\x00ked", b"cow", b"chunked\r\n x", b"\r\n chunked", b"\tchunked"):
        yield b"Transfer-Encoding: " + value + b"\r\n"
        yield b"Transfer-Encoding: " + value + b"\r\n" + length
        yield b"Transfer-Encoding: " + value + b"\r\n" + coding
    for name in (b"Transfer-Encoding ", b"Transfer-Encoding\t", b" Transfer-Encoding", b"Transfer_Encoding", b"Transfer-Encoding\x00",
                 b"X: y\nTransfer-Encoding", b"X: y\rTransfer-Encoding"):
        yield name + b": chunked\r\n"
        yield name + b": chunked\r\n" + length
    for value in (b"0", b"+0", b"-0", b"0x0", b"0 0", b"0, 0", b"0,%d" % len(INNER), b"00", b"0_0", b"", b"4294967296",
                  b"18446744073709551616", b"18446744073709551621", b"1e1", b"0\x00", b"\x0b0", b"0\r\n 5", b"5\r\nContent-Length: 0"):
        yield b"Content-Length: " + value + b"\r\n"
        yield b"Content-Length: " + value + b"\r\n" + coding
    for name in (b"Content-Length ", b" Content-Length", b"Content_Length", b"X: y\nContent-Length", b"X: y\rContent-Length"):
        yield name + b": %d\r\n" % len(INNER)
        yield name + b": 0\r\n" + length
    yield b""
    yield length + coding
    yield coding + length
    yield b"Connection: Content-Length\r\n" + length
    yield b"Connection: Transfer-Encoding\r\n" + coding
    yield b"Expect: 100-continue\r\n" + length
    yield b"Upgrade: h2c\r\nConnection: Upgrade\r\n" + length


def odd_chunks():
    """Chunked bodies whose end is in doubt."""
    size = b"%x" % len(INNER)
    for head in (size + b"\n", size + b"\r", size + b" \r\n", size + b"\t\r\n", size + b";\r\n", size + b";a\n\r\n",
                 size + b';a="\r\n"\r\n', size + b';a="\n"\r\n', size + b";a\rb\r\n", size + b";a\x00\r\n", b"0x" + size + b"\r\n",
                 b"+" + size + b"\r\n", b"-" + size + b"\r\n", b"00000000000000000" + size + b"\r\n", b"1" + b"0" * 16 + size + b"\r\n",
                 b"\r\n" + size + b"\r\n", b" " + size + b"\r\n", size + b",\r\n", size + b"g\r\n"):
        yield head + INNER + b"\r\n0\r\n\r\n"
        yield b"1\r\nz\r\n" + head + INNER + b"\r\n0\r\n\r\n"
    for end in (b"\n\n", b"\r\n\n", b"\n\r\n", b"\r\r\n", b"\r\n\r", b";\n\r\n", b"\r\nA: b\n\r\n", b"\r\nA : b\r\n\r\n", b"\r\n A: b\r\n\r\n",
                b"\r\nContent-Length: 5\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n", b"\r\nA: b\r\n c\r\n\r\n"):
        yield b"0" + end + INNER
    yield b"5\r\nabc\r\n0\r\n\r\n" + INNER
    yield b"2\r\nabc\r\n0\r\n\r\n" + INNER
    yield b"3\r\nabc0\r\n\r\n" + INNER
    yield b"3\r\nabc\n0\r\n\r\n" + INNER


def odd_requests():
    for path in (b"/v1/rerank", b"/health"):
        method = b"POST" if path == b"/v1/rerank" else b"GET"
        for version in (b"1.1", b"1.0"):
            first = method + b" " + path + b" HTTP/" + version + b"\r\nHost: x\r\n"
            for head in odd_heads():
                yield first + head + b"\r\n" + INNER
                yield first + head + b"\r\n" + CHUNKED
        for body in odd_chunks():
            yield method + b" " + path + b" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    for line in (b"GET / HTTP/1.1\n", b"GET  / HTTP/1.1\r\n", b"GET / HTTP/1.1 \r\n", b"GET http://y/ HTTP/1.1\r\n", b"GET /\r\n", b"\r\nGET / HTTP/1.1\r\n",
                 b"\nGET / HTTP/1.1\r\n", b"GET / HTTP/1.2\r\n", b"GET /#\r\n", b"GET / HTTP/1.1\r\n Host: y\r\n"):
        yield line + b"Host: x\r\nContent-Length: %d\r\n\r\n" % len(INNER) + INNER
        yield line + b"Host: x\r\nHost: y\r\nContent-Length: 0\r\n\r\n" + INNER


def said(port, request, patience=SECONDS):
    """What comes back until the connection ends or nothing more comes for so long."""
    text = b""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=LONG) as connection:
        connection.settimeout(patience)
        connection.sendall(request)
        while block := connection.recv(65536):
            text += block
    return text.decode("latin-1")


class Smuggling:
    """For subclasses that name a proxy."""

    def marked_proxy(self, service):
        raise NotImplementedError

    def test_no_request_comes_that_the_proxy_did_not_see(self):
        requests = list(odd_requests())
        with ServiceProcess("--log-level", "info") as service, self.marked_proxy(service) as proxy:
            num_answered = 0
            with concurrent.futures.ThreadPoolExecutor(32) as pool:
                for index, text in enumerate(pool.map(lambda request: said(proxy.port, request), requests)):
                    num_answered += text.startswith("HTTP/1.1 ")
                    # One connection to the server carries many clients': each still gets its own answer.
                    if index % 20 == 0:
                        canary = f"/canary-{index}"
                        answer = said(proxy.port, f"GET {canary} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(),
                                      LONG)
                        self.assertTrue(answer.startswith("HTTP/1.1 404 "), answer)
                        self.assertIn(canary, answer)
            last = b"GET /the-last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            said(proxy.port, last, LONG)
            deadline = time.monotonic() + LONG
            while not any("/the-last" in line for line in list(service.log)) and time.monotonic() < deadline:
                time.sleep(0.01)
            lines = [line for line in service.log if "] request " in line]
        come = [re.search(r" method=(\S+) path=(\S+) status=(\d+) .*request_id=(\S+)", line).groups() for line in lines]
        marked = [line for line in come if self.is_mark(line[3])]
        print(f"{len(requests)} odd requests, {num_answered} answered; {len(come)} came to the server", flush=True)
        # The proxy lets through most of what is one request however odd.
        self.assertGreater(len(marked), len(requests) / 20)
        self.assertEqual([line for line in come if line not in marked], [])


@unittest.skipIf(HAPROXY is None, "haproxy is not installed")
class BehindHaProxy(Smuggling, unittest.TestCase):
    def marked_proxy(self, service):
        return HaProxy([service, service], more="http-request set-header X-Request-Id haproxy-%[uuid]")

    @staticmethod
    def is_mark(request_id):
        return request_id.startswith("haproxy-")


@unittest.skipIf(ENVOY is None, "envoy is not installed")
class BehindEnvoy(Smuggling, unittest.TestCase):
    def marked_proxy(self, service):
        return Envoy([service])

    @staticmethod
    def is_mark(request_id):
        """Envoy gives each request a UUID; the server's own ids have no dashes."""
        return request_id.count("-") == 4


if __name__ == "__main__":
    if HAPROXY is None and ENVOY is None:
        print("skipped: no proxy is installed (tools/install_dependencies.sh --checks installs HAProxy)")
        sys.exit(77)
    run_tests()
