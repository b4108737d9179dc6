#!/usr/bin/env python3
"""Two replicas behind HAProxy with the configuration of deploy/: killing or draining one loses no request. Also that
what deploy/ reads from the metrics is there. Exit code 77, skipped, where HAProxy is not installed."""

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
NUM_CLIENTS = 8


class Proxy:
    """HAProxy in front of two replicas."""

    def __init__(self, replicas):
        self.port = free_port()
        addresses = {f"REPLICA_{index + 1}": f"127.0.0.1:{replica.port}" for index, replica in enumerate(replicas)}
        self.process = subprocess.Popen(
            [HAPROXY, "-db", "-q", "-f", str(ROOT / "deploy/haproxy/haproxy.cfg")],
            env={**os.environ, **addresses, "PROXY_ADDRESS": f"127.0.0.1:{self.port}"})

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
                raise AssertionError("HAProxy does not answer")
            time.sleep(0.02)

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)


class TwoReplicas(unittest.TestCase):
    def lose_one_under_load(self, number):
        """Sends `number` to one of two replicas while clients ask; all of their requests must be answered."""
        answered = [0] * NUM_CLIENTS
        stopped = threading.Event()

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
            with Proxy([first, second]) as proxy, concurrent.futures.ThreadPoolExecutor(NUM_CLIENTS) as pool:
                clients = [pool.submit(client, proxy, index) for index in range(NUM_CLIENTS)]
                try:
                    for replica in (first, second):  # both have work
                        while replica.metrics().get(
                                'rerank_requests_total{route="/v1/rerank",status="200"}', 0) < 5:
                            self.assertFalse([done for done in clients if done.done()])
                            time.sleep(0.01)
                    while first.metrics()['vllm:num_requests_running{model_name="demo",engine="0"}'] == 0:
                        time.sleep(0.001)
                    first.process.send_signal(number)
                    code = first.process.wait(LONG)
                    so_far = list(answered)
                    while any(now < before + 5 for now, before in zip(answered, so_far)):
                        self.assertFalse([done for done in clients if done.done()])
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
    if HAPROXY is None:
        print("skipped: haproxy is not installed (tools/install_dependencies.sh --checks installs it)")
        sys.exit(77)
    run_tests()
