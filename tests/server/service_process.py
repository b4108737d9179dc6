"""A `rerank serve` of its own for a test, on a free port, and what tests ask it. Standard library only."""

import contextlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from tls_files import TlsClient, server_flags

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("RERANK_PROGRAM", str(ROOT / "build/release/apps/rerank/rerank"))
MODEL = str(ROOT / "models/demo")
# Sanitizers keep memory of their own, and are ten times slower: what is repeated may be less.
SANITIZED = os.environ.get("RERANK_SANITIZED") == "1"
# Every server of a test speaks TLS, asks for certificates, and is asked with both versions and resumed sessions.
TLS = os.environ.get("RERANK_TEST_TLS") == "1"
LONG = 120  # seconds, for what must happen; nothing waits for it in vain


def count_from_environment(name, small):
    """How often to repeat: a few times, or as the environment says for a long run."""
    return int(os.environ.get(name, "0")) or (max(1, small // 10) if SANITIZED else small)


class ServiceProcess:
    """The program in its own process; what it says on stderr is kept in `log`."""

    def __init__(self, *flags, environment=None, wait=True, stderr=None, model=MODEL, tls=TLS):
        self.log = []
        self.port = None
        self.tls = TlsClient() if tls else None
        self._seen = threading.Condition()
        self.process = subprocess.Popen(
            [PROGRAM, "serve", model, "--served-model-name", "demo", "--host", "127.0.0.1", "--port", "0",
             "--no-weight-cache", "--dtype", "float32", *(server_flags() if tls else ()), *flags],
            stderr=stderr or subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, errors="replace",
            env={**os.environ, **(environment or {})})
        if stderr is None:
            threading.Thread(target=self._read_log, daemon=True).start()
            if wait:
                self.wait_for_log("ready on ")

    def _read_log(self):
        for line in self.process.stderr:
            with self._seen:
                self.log.append(line)
                found = re.search(r"listening on https?://[^ ]*:(\d+);", line)
                if found:
                    self.port = int(found.group(1))
                self._seen.notify_all()
        with self._seen:
            self.log.append("")
            self._seen.notify_all()

    def wait_for_log(self, text):
        with self._seen:
            if not self._seen.wait_for(lambda: any(text in line for line in self.log) or self.log[-1:] == [""], LONG):
                raise AssertionError(f"{text!r} never came:\n" + "".join(self.log))
        if not any(text in line for line in self.log):
            raise AssertionError(f"it ended without {text!r}:\n" + "".join(self.log))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(LONG)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        if self.process.stderr is not None:
            self.process.stderr.close()

    def end(self):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LONG)

    def connect(self):
        return ServiceConnection(self)

    def socket(self):
        return self.wrap(socket.create_connection(("127.0.0.1", self.port), timeout=LONG))

    def wrap(self, connection):
        """A connected socket as this server wants it."""
        return connection if self.tls is None else self.tls.wrap(connection)

    def ask(self, method, path, body=None, headers=None):
        """One request on a connection of its own: (status, headers, body as text)."""
        with contextlib.closing(self.connect()) as connection:
            return ask_on(connection, method, path, body, headers)

    def rerank(self, query, documents, **more):
        status, _, text = self.ask("POST", "/v1/rerank", {"query": query, "documents": documents, **more})
        assert status == 200, text
        return json.loads(text)

    def metrics(self):
        """Samples by their full name, labels included."""
        text = self.ask("GET", "/metrics")[2]
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in text.splitlines() if line and not line.startswith("#")}

    def wait_for_metric(self, name, value):
        """Until a sample has this value: the server says itself how far it is."""
        deadline = time.monotonic() + LONG
        while self.metrics().get(name) != value:
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} is {self.metrics().get(name)}, not {value}")
            time.sleep(0.005)

    def resident_bytes(self):
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def open_descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class ServiceConnection(http.client.HTTPConnection):
    def __init__(self, service):
        super().__init__("127.0.0.1", service.port, timeout=LONG)
        self._service = service

    def connect(self):
        self.sock = self._service.socket()


def ask_on(connection, method, path, body=None, headers=None):
    if isinstance(body, (dict, list)):
        body = json.dumps(body)
    connection.request(method, path, body=body, headers=headers or {})
    reply = connection.getresponse()
    return reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read().decode()


def receive_all(connection):
    """What a raw socket says until its other side ends."""
    text = b""
    while True:
        try:
            block = connection.recv(65536)
        except ConnectionResetError:
            block = b""
        if not block:
            return text.decode()
        text += block


def command_line_scores(pairs):
    """The lines of `rerank score` for (query, document) pairs, with the server's arithmetic."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "pairs.jsonl"
        path.write_text("".join(json.dumps({"query": query, "document": document}) + "\n"
                                for query, document in pairs), encoding="utf-8")
        done = subprocess.run([PROGRAM, "score", "-m", MODEL, "--no-weight-cache", "--dtype", "float32", str(path)],
                              capture_output=True, text=True, check=True, timeout=LONG)
    return [json.loads(line) for line in done.stdout.splitlines()]


def run_tests():
    """For the bottom of a test file."""
    import unittest  # pylint: disable=import-outside-toplevel

    unittest.main(argv=[sys.argv[0], *sys.argv[1:]], verbosity=2)
