#!/usr/bin/env python3
"""A whole server over TLS: however a connection ends the server goes on and ends with 0, sessions are resumed, and what
does not speak TLS is told so and logged."""

import contextlib
import json
import signal
import socket
import ssl
import time
import unittest
import warnings

from service_process import LONG, ServiceProcess, receive_all, run_tests
from tls_files import VERSIONS, certificate


def wait_for_line(service, *words):
    deadline = time.monotonic() + LONG
    while time.monotonic() < deadline:
        found = [line for line in list(service.log) if all(word in line for word in words)]
        if found:
            return found[0]
        time.sleep(0.01)
    raise AssertionError(f"no line with {words}:\n" + "".join(service.log))


class Endings(unittest.TestCase):
    """Each reply ends its connection in another way; a server that falls over is seen by the next one."""

    @classmethod
    def setUpClass(cls):
        cls.service = ServiceProcess("--api-key", "secret", "--header-timeout", "2", "--body-timeout", "2", tls=True)

    @classmethod
    def tearDownClass(cls):
        code = cls.service.end()
        cls.service.__exit__()
        assert code == 0, f"exit code {code}"

    def expect_last(self, request, status, at_a_time=1):
        for _ in range(10 // at_a_time):
            connections = [self.service.socket() for _ in range(at_a_time)]
            for connection in connections:
                connection.sendall(request)
            for connection in connections:
                text = receive_all(connection)
                connection.close()
                self.assertTrue(text.startswith(f"HTTP/1.1 {status} "), text)
                self.assertIn("\r\nconnection: close\r\n", text)
        self.assertEqual(self.service.ask("GET", "/health")[0], 200)

    def test_asked_to_close(self):
        self.expect_last(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 200)

    def test_http_1_0(self):
        self.expect_last(b"GET /health HTTP/1.0\r\n\r\n", 200)

    def test_no_request(self):
        self.expect_last(b"nonsense\r\n\r\n", 400)

    def test_401_with_the_body_unread(self):
        self.expect_last(b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 300000, 401)

    def test_413_with_the_body_unread(self):
        self.expect_last(b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 30000\r\n\r\n" + b"x" * 30000, 413)

    def test_too_slow(self):
        self.expect_last(b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", 401, at_a_time=10)
        self.expect_last(b"POST /rerank HTTP/1.1\r\nHost: x\r\nContent-", 408, at_a_time=10)

    def test_clients_that_do_not_wait(self):
        for index in range(50):
            connection = self.service.socket()
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"[:20 + 10 * (index % 5)])
            connection.close()
        self.assertEqual(self.service.ask("GET", "/health")[0], 200)


class Handshakes(unittest.TestCase):
    def test_both_versions_without_a_certificate_of_the_client(self):
        with ServiceProcess("--ssl-certfile", certificate(), tls=False) as service:
            for version in VERSIONS:
                context = ssl.create_default_context(cafile=certificate())
                context.minimum_version = context.maximum_version = version
                with context.wrap_socket(service.socket(), server_hostname="localhost") as connection:
                    connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    self.assertTrue(receive_all(connection).startswith("HTTP/1.1 200 "))
            old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
            old.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
            with self.assertRaises(OSError):
                old.wrap_socket(service.socket())
            self.assertIn("peer=127.0.0.1:", wait_for_line(service, "TLS handshake failed"))
            self.assertEqual(service.end(), 0)

    def test_plain_http_is_told_so(self):
        with ServiceProcess(tls=True) as service:
            with socket.create_connection(("127.0.0.1", service.port), timeout=LONG) as plain:
                plain.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                head, _, body = receive_all(plain).partition("\r\n\r\n")
            self.assertTrue(head.startswith("HTTP/1.1 400 "), head)
            self.assertIn("https://", json.loads(body)["error"]["message"])
            self.assertEqual(service.end(), 0)

    def test_who_knocks_cannot_flood_the_log(self):
        with ServiceProcess(tls=True) as service:
            for _ in range(100):
                with socket.create_connection(("127.0.0.1", service.port), timeout=LONG) as plain:
                    plain.sendall(b"\0\1\2\3\4\5\6\7\10")
                    with contextlib.suppress(ConnectionResetError):
                        plain.recv(100)
            self.assertEqual(service.ask("GET", "/health")[0], 200)
            self.assertEqual(service.end(), 0)
        lines = [line for line in service.log if "TLS handshake failed" in line]
        self.assertTrue(1 <= len(lines) <= 30, lines)


class Drain(unittest.TestCase):
    def test_what_was_accepted_is_answered(self):
        with ServiceProcess("--threads", "1", "--drain-timeout", str(LONG), tls=True) as service:
            body = json.dumps({"query": "q", "documents": ["some words of a document " * 10] * 30}).encode()
            request = b"POST /v1/rerank HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
            connections = [service.socket() for _ in range(8)]
            for connection in connections:
                connection.sendall(request)
            service.wait_for_metric("rerank_http_busy_connections", 9)
            service.process.send_signal(signal.SIGTERM)
            for connection in connections:
                with connection:
                    self.assertTrue(receive_all(connection).startswith("HTTP/1.1 200 "))
            self.assertEqual(service.process.wait(LONG), 0)


if __name__ == "__main__":
    run_tests()
