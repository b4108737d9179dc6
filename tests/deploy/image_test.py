#!/usr/bin/env python3
"""The CPU image of deploy/container/, built and then run as people run it. With podman or docker, whichever is there and
answers (CONTAINERS names another); exit code 77, skipped, without. IMAGE names one that exists, which saves minutes."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("CONTAINERS") or shutil.which("podman") or shutil.which("docker")
IMAGE = os.environ.get("IMAGE", "")
LONG = 120  # seconds, for what must happen
# What the chart asks of a pod, and what Kubernetes puts there for a service that is called rerank.
LOCKED = ("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--user", "12345:12345",
          "--env", "RERANK_PORT=tcp://10.0.0.1:80", "--env", "RERANK_PORT_80_TCP_PROTO=tcp",
          "--env", "RERANK_SERVICE_HOST=10.0.0.1")


def containers(*arguments, check=True):
    done = subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments}: {done.stderr}")
    return done


class Container:
    """One of the image, with a free port of this machine for the container's `port`."""

    def __init__(self, *options, arguments=(), port=8000):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.name = containers("run", "--detach", "--publish", f"127.0.0.1:{self.port}:{port}", *options, IMAGE,
                               *arguments).stdout.split()[-1]

    def __enter__(self):
        deadline = time.monotonic() + LONG
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.ask("GET", "/v1/health/ready")[0] == 200:
                    return self
            if time.monotonic() > deadline or self.state("Running") != "true":
                raise AssertionError(f"it never became ready:\n{self.log()}")
            time.sleep(0.1)

    def __exit__(self, *_):
        containers("rm", "--force", self.name)

    def ask(self, method, path, body=None, headers=None):
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)) as connection:
            connection.request(method, path, body and json.dumps(body), headers or {})
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())

    def state(self, key):
        return containers("inspect", "--format", "{{.State.%s}}" % key, self.name).stdout.strip()

    def log(self):
        done = containers("logs", self.name)
        return done.stdout + done.stderr

    def run(self, *command, check=True):
        return containers("exec", self.name, *command, check=check)

    def wait(self):
        return int(containers("wait", self.name).stdout)


class Image(unittest.TestCase):
    def test_answers_as_an_ordinary_user(self):
        with Container() as container:
            self.assertEqual(container.ask("GET", "/health")[0], 200)
            texts = ["mail server", "image editor"]
            status, reply = container.ask("POST", "/v1/rerank", {"query": "edit photos", "documents": texts})
            self.assertEqual(status, 200, reply)
            self.assertEqual([result["index"] for result in reply["results"]], [1, 0])
            status, reply = container.ask("POST", "/v1/score", {"text_1": "edit photos", "text_2": texts})
            self.assertEqual(status, 200, reply)
            self.assertGreater(reply["data"][1]["score"], reply["data"][0]["score"])
            self.assertEqual(container.run("id", "-u").stdout.strip(), "10001")
            self.assertIn("weights-", container.run("sh", "-c", "ls $RERANK_CACHE").stdout)

    def test_settings_come_from_the_environment(self):
        settings = {"PORT": "9000", "SERVED_MODEL_NAME": "reranker", "RERANK_API_KEY": "a key"}
        options = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
        with Container(*options, port=9000) as container:
            body = {"query": "q", "documents": ["d"]}
            self.assertEqual(container.ask("POST", "/v1/rerank", body)[0], 401)
            status, reply = container.ask("POST", "/v1/rerank", body, {"Authorization": "Bearer a key"})
            self.assertEqual((status, reply.get("model")), (200, "reranker"))
            health = json.loads(
                containers("inspect", "--format", "{{json .Config.Healthcheck}}", container.name).stdout)
            self.assertEqual(health["Test"][0], "CMD")
            container.run(*health["Test"][1:])

    def test_a_model_from_the_environment_goes_before_the_images_own(self):
        for name in ("MODEL_PATH", "RERANK_MODEL"):
            done = containers("run", "--rm", "--env", f"{name}=some/model", IMAGE, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("some/model: no such directory", done.stderr)

    def test_runs_locked_up_as_any_user(self):
        with Container(*LOCKED, arguments=("--log-format", "json")) as container:
            self.assertEqual(container.run("id", "-u").stdout.strip(), "12345")
            self.assertEqual(container.ask("POST", "/v1/rerank", {"query": "q", "documents": ["d"]})[0], 200)
            self.assertNotEqual(container.run("touch", "/file", check=False).returncode, 0)

    def test_sigterm_lets_what_was_accepted_finish(self):
        body = {"query": "q", "documents": [f"document {row} " + "of some words " * 30 for row in range(400)]}
        with Container() as container, concurrent.futures.ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(container.ask, "POST", "/v1/rerank", body)
            metrics = ""
            while "vllm:num_requests_running{model_name=\"demo\",engine=\"0\"} 1\n" not in metrics:
                metrics = container.run("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8000 && "
                                        "printf 'GET /metrics HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3").stdout
                self.assertFalse(under_way.done(), "too little work to be seen")
            containers("kill", "--signal", "TERM", container.name)
            status, reply = under_way.result()
            self.assertEqual((status, len(reply["results"])), (200, 400))
            self.assertEqual(container.wait(), 0)
            self.assertIn("ended", container.log())

    def test_a_wrong_setting_is_said(self):
        done = containers("run", "--rm", "--env", "RERANK_PROT=1", IMAGE, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("RERANK_PROT is no setting", done.stderr)


def main():
    global IMAGE  # pylint: disable=global-statement
    if PROGRAM is None or containers("images", check=False).returncode != 0:
        print("skipped: neither podman nor docker is here and answers")
        sys.exit(77)
    if not IMAGE:
        IMAGE = "rerank-image-test"
        keep_health_check = ["--format", "docker"] if "podman" in os.path.basename(PROGRAM) else []
        begin = time.monotonic()
        subprocess.run([PROGRAM, "build", *keep_health_check, "--file", "deploy/container/Containerfile",
                        "--tag", IMAGE, "."], cwd=ROOT, check=True)
        print(f"built in {time.monotonic() - begin:.0f} s")
    size = int(containers("inspect", "--format", "{{.Size}}", IMAGE).stdout)
    print(f"{IMAGE}: {size / 1e6:.0f} MB")
    unittest.main(verbosity=2)


if __name__ == "__main__":
    main()
