"""A server that does as it is told, for what a real one does only on a bad day. A score is the document's length over
1000, so that a test knows every score beforehand."""

from __future__ import annotations

import http.server
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

Step = Callable[["Handler"], None]


def score_of(document: str) -> float:
    return len(document) / 1000


def scored(body: dict[str, Any]) -> dict[str, Any]:
    """The right reply to a rerank or score body."""
    usage = {"total_tokens": 7}
    if "text_2" in body:
        data = [{"index": index, "score": score_of(text)} for index, text in enumerate(body["text_2"])]
        return {"id": "score-1", "data": data, "usage": usage}
    results = [{"index": index, "relevance_score": score_of(text)} for index, text in enumerate(body["documents"])]
    return {"id": "rerank-1", "results": sorted(results, key=lambda item: -item["relevance_score"]), "usage": usage}


def reply(status: int, body: Any, **headers: str) -> Step:
    """Answers so; names of headers have _ for -."""

    def step(handler: Handler) -> None:
        handler.answer(status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers)

    return step


def right(handler: Handler) -> None:
    handler.answer(200, json.dumps(scored(handler.body)).encode(), {})


def slow(seconds: float) -> Step:
    def step(handler: Handler) -> None:
        handler.stand_in.released.wait(seconds)
        right(handler)

    return step


def hang_up(handler: Handler) -> None:
    """Closes the connection without a word."""
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)


def reset(handler: Handler) -> None:
    """Ends the connection by RST, as a process that was killed does."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.close_connection = True
    handler.connection.close()


def break_off(handler: Handler) -> None:
    """Sends the head and half of the body, then closes."""
    body = json.dumps(scored(handler.body)).encode()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])
    hang_up(handler)


def head_only(seconds: float) -> Step:
    """Sends the head after a while, and nothing more."""

    def step(handler: Handler) -> None:
        handler.stand_in.released.wait(seconds)
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        handler.stand_in.released.wait(60)

    return step


def drip(handler: Handler) -> None:
    """A reply of which a byte comes now and then, and that never ends."""
    handler.close_connection = True
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not handler.stand_in.released.wait(0.05):
            handler.wfile.write(b" ")
    except OSError:
        pass


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: StandIn
    body: dict[str, Any]

    def do_POST(self) -> None:
        if self.stand_in.read_slowly:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            while not self.stand_in.released.wait(0.05) and self.connection.recv(1000):
                pass
            self.close_connection = True
            return
        text = self.rfile.read(int(self.headers["Content-Length"]))
        self.body = json.loads(text)
        if isinstance(self.connection, ssl.SSLSocket):
            self.stand_in.certificates.append(self.connection.getpeercert() or None)
        self.stand_in.next_step(self.path, dict(self.headers), self.body)(self)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class StandIn(http.server.ThreadingHTTPServer):
    """Takes the steps of its script in turn, then answers right; a step may also be chosen by `choose`."""

    daemon_threads = True

    def __init__(self, address: Any = ("127.0.0.1", 0)) -> None:
        super().__init__(address, type("StandInHandler", (Handler,), {"stand_in": self}))
        self.requests: list[tuple[str, dict[str, str], dict[str, Any]]] = []
        self.times: list[float] = []
        self.num_connections = 0
        self.read_slowly = False  # what is sent to it
        self.certificates: list[Any] = []  # of clients, one for each request over TLS
        self.released = threading.Event()  # ends what waits, at the end of a test
        self.choose: Callable[[dict[str, Any]], Step | None] = lambda body: None
        self._script: list[Step] = []
        self._lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def then(self, steps: Iterable[Step]) -> None:
        self._script.extend(steps)

    def next_step(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Step:
        with self._lock:
            self.requests.append((path, {name.lower(): value for name, value in headers.items()}, body))
            self.times.append(time.monotonic())
            return self.choose(body) or (self._script.pop(0) if self._script else right)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.num_connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that go away are what is tested

    def end(self) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()
