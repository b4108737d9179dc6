#!/usr/bin/env python3
"""Sends mutated requests, bodies mostly and sometimes heads and chunks, to a running server: each must be answered in time
with a status that such a request can have and a body that is what its type says, or the connection closed after a broken
head; at the end the server must still be well. The corpus is tests/http/cases; the same seed sends the same requests.
Over https:// no certificate is asked to be true, and both versions of TLS come in turn.

usage: fuzz_server.py URL [--count N] [--seed N] [--processes N]
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import socket
import ssl
import sys
import time
import urllib.parse
import urllib.request

PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"\\ud800", b"\\u0000", b"\xff", b"\xed\xa0\x80", b"null",
          b"true", b"-1", b"1e999", b"99999999999999999999", b'"texts":', b'"passages":', b'"property":"",', b'"top_n":',
          b'"truncate":false,', b'{"text":', b'{"content":[', b"[" * 40, b" ", b"\n", b"<|im_end|>"]
HEAD_PIECES = [b"\r\n", b"\r\n\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Expect: 100-continue\r\n",
               b"Content-Encoding: gzip\r\n", b"Connection: close\r\n", b"\0", b"\xff", b"%", b"/", b"?", b" ", b"HTTP/1.0", b":",
               b"Authorization: bearer x\r\n", b"A" * 9000]
CHUNK_PIECES = [b"\r\n", b"\n", b"\r", b"0\r\n", b"0\r\n\r\n", b"5\r\n", b";a=b", b';a="\r\n"', b"ffffffffffffffff", b"-1", b"0x", b" ",
                b"A: b\r\n", b"Content-Length: 5\r\n", b"\0", b"z", b"1" * 5000, b";" + b"e" * 70000, b"T: " + b"t" * 70000]
STATUSES = {200, 400, 401, 404, 405, 411, 413, 414, 415, 417, 426, 429, 431, 501, 503, 505}
SECONDS = 120


def corpus():
    """(method, path, body) of every case."""
    found = []
    for file in sorted((pathlib.Path(__file__).parent / "cases").glob("*.json")):
        for case in json.loads(file.read_text(encoding="utf-8"))["cases"]:
            request = case["request"]
            body = request.get("text", "").encode() or (
                json.dumps(request["body"]).encode() if "body" in request else b"")
            found.append((request["method"], request["path"], body.replace(b"$model", b"demo")))
    return found


def mutated(rng, data, pieces):
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        at = rng.randint(0, len(data))
        length = rng.randint(0, 20)
        kind = rng.randrange(5)
        if kind == 0:
            del data[at:at + length]
        elif kind == 1:
            data[at:at] = rng.choice(pieces)
        elif kind == 2:
            data[at:at + length] = rng.choice(pieces)
        elif kind == 3 and at < len(data):
            data[at] = rng.randrange(256)
        else:
            data[at:at] = data[at:at + length]
    return bytes(data)


def in_chunks(rng, body):
    """As a chunked body, with extensions and trailers at times."""
    text = b""
    while body:
        size = rng.randint(1, max(1, len(body)))
        text += b"%x%s\r\n" % (size, rng.choice([b"", b"", b";a=b", b' ;c="d"']))
        text += body[:size] + b"\r\n"
        body = body[size:]
    return text + b"0\r\n" + rng.choice([b"", b"", b"A: b\r\n"]) + b"\r\n"


class Connection:
    def __init__(self, host, port, context=None):
        self.socket = socket.create_connection((host, port), timeout=SECONDS)
        if context is not None:
            self.socket = context.wrap_socket(self.socket)
        self.unread = b""

    def send(self, data):
        """False if the server has closed already."""
        try:
            self.socket.sendall(data)
            return True
        except OSError:
            return False

    def receive(self, is_head):
        """(status, headers, body) of one reply; None if the connection ended before it."""
        while b"\r\n\r\n" not in self.unread:
            if not self._more():
                return None
        head, _, self.unread = self.unread.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        if status == 100:
            return self.receive(is_head)
        length = 0 if is_head else int(headers.get("content-length", "0"))
        while len(self.unread) < length:
            if not self._more():
                return None
        body, self.unread = self.unread[:length], self.unread[length:]
        return status, headers, body

    def _more(self):
        try:
            part = self.socket.recv(1 << 16)
        except ConnectionError:
            return False
        self.unread += part
        return bool(part)

    def close(self):
        self.socket.close()


def reply_fault(reply):
    status, headers, body = reply
    if status not in STATUSES:
        return f"status {status}: {body[:500]!r}"
    if "json" in headers.get("content-type", "") and body:
        try:
            json.loads(body)
        except ValueError as error:
            return f"{error} in {body[:500]!r}"
    return None


def tls_context(version):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    return context


def mutated_request(rng, cases):
    """(bytes, is it a HEAD, may its end be misunderstood)."""
    method, path, body = rng.choice(cases)
    kind = rng.random()
    body = mutated(rng, body, PIECES) if body else body
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode()
    if kind < 0.1:  # whole or broken chunks
        head += b"Transfer-Encoding: chunked\r\n\r\n"
        body = in_chunks(rng, body)
        return head + (mutated(rng, body, CHUNK_PIECES) if kind < 0.05 else body), method == "HEAD", kind < 0.05
    head += f"Content-Length: {len(body)}\r\n\r\n".encode()
    if kind < 0.15:
        return mutated(rng, head, HEAD_PIECES) + body, method == "HEAD", True
    return head + body, method == "HEAD", False


def fuzz(url, count, seed):
    """(The first fault or None, how many requests ended in what)."""
    parts = urllib.parse.urlsplit(url)
    contexts = [tls_context(version) for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
    rng = random.Random(seed)
    cases = corpus()
    ended = {}
    connection = None
    for number in range(count):
        request, is_head, is_broken = mutated_request(rng, cases)
        connection = connection or Connection(parts.hostname, parts.port,
                                              contexts[number % 2] if parts.scheme == "https" else None)
        connection.send(request)
        if is_broken:  # what comes back may belong to any reading of it; that it ends is what counts
            try:
                socket.socket.shutdown(connection.socket, socket.SHUT_WR)
            except OSError:
                pass  # the server has closed already
        reply = connection.receive(is_head)
        status = reply[0] if reply else "closed"
        ended[status] = ended.get(status, 0) + 1
        if reply is None and not is_broken:
            return f"request {number} was not answered: {request[:2000]!r}", ended
        found = reply_fault(reply) if reply else None
        if found:
            return f"request {number}: {found}\nfor {request[:2000]!r}", ended
        if is_broken or "close" in reply[1].get("connection", ""):
            connection.close()
            connection = None
    return None, ended


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=int(os.environ.get("RERANK_FUZZ_REQUESTS", "3000")))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    began = time.monotonic()
    found, ended = None, {}
    with concurrent.futures.ProcessPoolExecutor(arguments.processes) as pool:
        each = arguments.count // arguments.processes
        parts = [pool.submit(fuzz, arguments.url, each, 1000 * arguments.seed + index)
                 for index in range(arguments.processes)]
        for part in parts:
            fault, counts = part.result()
            found = found or fault
            for status, count in counts.items():
                ended[status] = ended.get(status, 0) + count
    print(", ".join(f"{status}: {ended[status]}" for status in sorted(ended, key=str)))
    if found is None:
        context = tls_context(ssl.TLSVersion.TLSv1_3)
        with urllib.request.urlopen(arguments.url + "/health", timeout=10, context=context) as reply:
            found = None if reply.status == 200 else f"health says {reply.status} afterwards"
    if found:
        print(found)
        return 1
    print(f"{sum(ended.values())} mutated requests in {time.monotonic() - began:.0f} s, all answered")
    return 0


if __name__ == "__main__":
    sys.exit(main())
