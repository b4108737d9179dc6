#!/usr/bin/env python3
"""Two replicas behind HAProxy, and behind Envoy where that is installed, with the configurations of deploy/: killing or
draining one loses no request, and what a replica answered is not asked of the other. Also that what deploy/ reads from
the metrics is there. Exit code 77, skipped, where neither proxy is installed."""

import concurrent.futures
import contextlib
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from service_process import LONG, ROOT, ServiceProcess, ask_on, run_tests
from start_script_test import free_port

HAPROXY = shutil.which("haproxy", path=os.environ.get("PATH", "") + ":/usr/sbin")
ENVOY = shutil.which("envoy")
NUM_CLIENTS = 8


class Proxy:
    """A proxy in its own process, which subclasses start on `port`."""

    def __init__(self, command, environment=None):
        self.process = subprocess.Popen(command, env={**os.environ, **(environment or {})})

    def __enter__(self):
        deadline = time.monotonic() + LONG
        while True:
            try:
                with contextlib.closing(self.connect()) as connection:
                    if ask_on(connection, "GET", "/health")[0] == 200:
                        return self
            except ConnectionRefusedError:
                pass
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"{type(self).__name__} does not answer")
            time.sleep(0.02)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)


def replaced(text, pairs):
    for old, new in pairs:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


class HaProxy(Proxy):
    def __init__(self, replicas, seconds=120, more=""):
        """`seconds` are what a replica has for an answer; `more` is a line for the frontend."""
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory()
        text = (ROOT / "deploy/haproxy/haproxy.cfg").read_text(encoding="utf-8")
        file = pathlib.Path(self.folder.name) / "haproxy.cfg"
        file.write_text(replaced(text, [("timeout server 120s", f"timeout server {seconds}s"),
                                        ("frontend clients\n", f"frontend clients\n    {more}\n")]), encoding="utf-8")
        addresses = {f"REPLICA_{index + 1}": f"127.0.0.1:{replica.port}" for index, replica in enumerate(replicas)}
        super().__init__([HAPROXY, "-db", "-q", "-f", str(file)],
                         {**addresses, "PROXY_ADDRESS": f"127.0.0.1:{self.port}"})

    def __exit__(self, *_):
        super().__exit__()
        self.folder.cleanup()


class Envoy(Proxy):
    """With the file's own addresses replaced, since Envoy reads none from the environment."""

    def __init__(self, replicas, seconds=120):
        self.port = free_port()
        endpoint = "- endpoint: {address: {socket_address: {address: %s, port_value: %d}}}"
        indent = "\n" + " " * 14
        text = replaced((ROOT / "deploy/envoy/envoy.yaml").read_text(encoding="utf-8"), [
            ("{address: 0.0.0.0, port_value: 8000}", f"{{address: 127.0.0.1, port_value: {self.port}}}"),
            (endpoint % ("rerank", 8000), indent.join(endpoint % ("127.0.0.1", replica.port) for replica in replicas)),
            (" timeout: 120s", f" timeout: {seconds}s"),
        ])
        super().__init__([ENVOY, "--config-yaml", text, "--use-dynamic-base-id", "--log-level", "error"])


class Scripted(http.server.ThreadingHTTPServer):
    """A replica that is healthy and answers every POST with the status that `next_status` gives."""

    daemon_threads = True

    def __init__(self, next_status):
        super().__init__(("127.0.0.1", 0), ScriptedHandler)
        self.next_status = next_status
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass  # health checks end as they like


class ScriptedHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(self.server.next_status())

    def answer(self, status):
        self.send_response(status)
        if status in (429, 503):
            self.send_header("Retry-After", "1")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Replicas:
    """What holds behind `proxy`, for subclasses that name one."""

    proxy = None

    def lose_one_under_load(self, number):
        """Sends `number` to one of two replicas while clients ask; all of their requests must be answered."""
        answered = [0] * NUM_CLIENTS
        clients = []
        stopped = threading.Event()

        def all_go_on():
            for ended in [one for one in clients if one.done()]:
                ended.result()
                self.fail("a client ended too early")

        def client(proxy, index):
            # Under way when it happens: some are computed, some wait.
            body = {"query": f"query {index}", "documents": [f"document {row} of some words" for row in range(20)]}
            with contextlib.closing(proxy.connect()) as connection:
                while not stopped.is_set():
                    status, _, text = ask_on(connection, "POST", "/v1/rerank", body)
                    self.assertEqual(status, 200, text)
                    self.assertEqual(len(json.loads(text)["results"]), 20)
                    answered[index] += 1

        with ServiceProcess("--threads", "1") as first, ServiceProcess("--threads", "1") as second:
            with self.proxy([first, second]) as proxy, concurrent.futures.ThreadPoolExecutor(NUM_CLIENTS) as pool:
                clients += [pool.submit(client, proxy, index) for index in range(NUM_CLIENTS)]
                try:
                    for replica in (first, second):  # both have work
                        while replica.metrics().get(
                                'rerank_requests_total{route="/v1/rerank",status="200"}', 0) < 5:
                            all_go_on()
                            time.sleep(0.01)
                    while first.metrics()['vllm:num_requests_running{model_name="demo",engine="0"}'] == 0:
                        time.sleep(0.001)
                    first.process.send_signal(number)
                    code = first.process.wait(LONG)
                    so_far = list(answered)
                    while any(now < before + 5 for now, before in zip(answered, so_far)):
                        all_go_on()
                        time.sleep(0.01)
                finally:
                    stopped.set()
                for done in clients:
                    done.result()
        return code

    def asked(self, statuses, headers=None, body="{}"):
        """One POST, of which replicas answer the first attempt with the first status and so on: what the client got, and
        how often they were asked."""
        num_asked = []

        def next_status():
            num_asked.append(1)
            return statuses[min(len(num_asked), len(statuses)) - 1]

        with Scripted(next_status) as first, Scripted(next_status) as second, self.proxy([first, second]) as proxy:
            with contextlib.closing(proxy.connect()) as connection:
                status, reply_headers, _ = ask_on(connection, "POST", "/v1/rerank", body, headers)
        return status, reply_headers, len(num_asked)

    def test_sends_again_only_what_was_not_begun(self):
        status, _, count = self.asked([503, 200])
        self.assertEqual((status, count), (200, 2))
        # A passed deadline, too much work, a broken request: another replica would only do the same again.
        for refused in (504, 429, 500, 413, 400):
            status, headers, count = self.asked([refused, 200])
            self.assertEqual((status, count), (refused, 1))
            self.assertEqual(headers.get("retry-after"), "1" if refused == 429 else None)

    def test_does_not_ask_another_when_one_is_too_slow(self):
        num_asked = []
        released = threading.Event()

        def late():
            num_asked.append(1)
            released.wait(LONG)
            return 200

        with Scripted(late) as first, Scripted(late) as second, self.proxy([first, second], seconds=1) as proxy:
            with contextlib.closing(proxy.connect()) as connection:
                self.assertEqual(ask_on(connection, "POST", "/v1/rerank", "{}")[0], 504)
            released.set()
        self.assertEqual(len(num_asked), 1)

    def test_clients_cannot_ask_for_more_attempts(self):
        wish = {"x-envoy-max-retries": "9", "x-envoy-retry-on": "5xx,retriable-4xx", "x-envoy-upstream-rq-timeout-ms": "1",
                "x-envoy-hedge-on-per-try-timeout": "true", "x-envoy-retriable-status-codes": "504,429",
                "x-forwarded-for": "10.0.0.1"}
        self.assertEqual(self.asked([504], wish)[::2], (504, 1))
        status, _, count = self.asked([503], wish)
        self.assertEqual(status, 503)
        self.assertEqual(count, 4)  # retries 3, whatever they say

    def test_keeps_long_heads_and_metrics_to_itself(self):
        self.assertEqual(self.asked([200], {"X-Long": "a" * 20_000})[::2], (200, 1))
        status, _, count = self.asked([200], {f"X-Long-{number}": "a" * 10_000 for number in range(4)})
        self.assertEqual((status, count), (431, 0))
        with ServiceProcess() as replica, self.proxy([replica, replica]) as proxy:
            for path, wanted in (("/metrics", 404), ("/metrics/", 404), ("//metrics?x", 404), ("/%6detrics", 404),
                                 ("/v1/models", 200)):
                with contextlib.closing(proxy.connect()) as connection:
                    self.assertEqual(ask_on(connection, "GET", path)[0], wanted, path)

    def test_killing_one_loses_no_request(self):
        self.assertEqual(self.lose_one_under_load(signal.SIGKILL), -signal.SIGKILL)

    def test_draining_one_loses_no_request(self):
        self.assertEqual(self.lose_one_under_load(signal.SIGTERM), 0)


@unittest.skipIf(HAPROXY is None, "haproxy is not installed")
class BehindHaProxy(Replicas, unittest.TestCase):
    proxy = HaProxy

    def test_refuses_a_long_body_by_its_length(self):
        num_asked = []
        with Scripted(lambda: num_asked.append(1) or 200) as replica, self.proxy([replica, replica]) as proxy:
            with contextlib.closing(proxy.connect()) as connection:
                connection.putrequest("POST", "/v1/rerank")
                connection.putheader("Content-Length", str((64 << 20) + 1))
                connection.endheaders(b"{" * 200_000)
                self.assertEqual(connection.getresponse().status, 413)
        self.assertEqual(num_asked, [])


@unittest.skipIf(ENVOY is None, "envoy is not installed")
class BehindEnvoy(Replicas, unittest.TestCase):
    proxy = Envoy


class Deploy(unittest.TestCase):
    def test_reads_only_metrics_that_there_are(self):
        with ServiceProcess() as service:
            service.rerank("q", ["d"])
            exported = {re.sub(r"\{.*", "", name) for name in service.metrics()}
        used = {}
        for path in (ROOT / "deploy").rglob("*"):
            if path.suffix in (".json", ".yaml"):
                text = path.read_text(encoding="utf-8")
                for name in re.findall(r"\b(?:vllm:|rerank_|http_|process_)[a-z_]+(?=\{|\"?\})", text):
                    used[name] = path.name
        self.assertGreater(len(used), 15)
        self.assertEqual({name: file for name, file in used.items() if name not in exported}, {})
        json.loads((ROOT / "deploy/grafana/rerank.json").read_text(encoding="utf-8"))


if __name__ == "__main__":
    if HAPROXY is None and ENVOY is None:
        print("skipped: no proxy is installed (tools/install_dependencies.sh --checks installs HAProxy)")
        sys.exit(77)
    run_tests()
