#!/usr/bin/env python3
"""Two replicas behind HAProxy, and behind Envoy where that is installed, with the configurations of deploy/: killing or
draining one loses no request. Also that what deploy/ reads from the metrics is there. Exit code 77, skipped, where
neither proxy is installed."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
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


class HaProxy(Proxy):
    def __init__(self, replicas):
        self.port = free_port()
        addresses = {f"REPLICA_{index + 1}": f"127.0.0.1:{replica.port}" for index, replica in enumerate(replicas)}
        super().__init__([HAPROXY, "-db", "-q", "-f", str(ROOT / "deploy/haproxy/haproxy.cfg")],
                         {**addresses, "PROXY_ADDRESS": f"127.0.0.1:{self.port}"})


class Envoy(Proxy):
    """With the file's own addresses replaced, since Envoy reads none from the environment."""

    def __init__(self, replicas):
        self.port = free_port()
        text = (ROOT / "deploy/envoy/envoy.yaml").read_text(encoding="utf-8")
        endpoint = "- endpoint: {address: {socket_address: {address: %s, port_value: %d}}}"
        indent = "\n" + " " * 14
        replaced = [
            ("{address: 0.0.0.0, port_value: 8000}", f"{{address: 127.0.0.1, port_value: {self.port}}}"),
            (endpoint % ("rerank", 8000), indent.join(endpoint % ("127.0.0.1", replica.port) for replica in replicas)),
        ]
        for old, new in replaced:
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        super().__init__([ENVOY, "--config-yaml", text, "--use-dynamic-base-id", "--log-level", "error"])


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

    def test_killing_one_loses_no_request(self):
        self.assertEqual(self.lose_one_under_load(signal.SIGKILL), -signal.SIGKILL)

    def test_draining_one_loses_no_request(self):
        self.assertEqual(self.lose_one_under_load(signal.SIGTERM), 0)


@unittest.skipIf(HAPROXY is None, "haproxy is not installed")
class BehindHaProxy(Replicas, unittest.TestCase):
    proxy = HaProxy


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
