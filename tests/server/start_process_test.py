#!/usr/bin/env python3
"""Whom scripts/start_rerank.sh takes for its server and whom it ends, and several of it at a time."""

import concurrent.futures
import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from service_process import run_tests
from start_script_test import SHELLS, StartScriptTest


@contextlib.contextmanager
def nobody_reaps():
    """Orphans come to this process, which leaves them as they are: as in a container whose first process is no init."""
    libc = ctypes.CDLL(None)
    set_child_subreaper = 36
    libc.prctl(set_child_subreaper, 1)
    try:
        yield
    finally:
        libc.prctl(set_child_subreaper, 0)


class StartScriptProcesses(StartScriptTest):
    """Whom it takes for the server, and whom it ends."""

    def test_stops_what_nobody_reaps(self):
        for shell in SHELLS:
            for model in ("m", "stubborn"):
                with self.subTest(shell=shell, model=model), nobody_reaps():
                    pid = self.start_vllm(shell, model)
                    begin = time.monotonic()
                    code, text = self.script(shell, "stop", "ENGINE=vllm", "STOP_TIMEOUT=1")
                    self.assertEqual(code, 0, text)
                    self.assertIn(f"stopped: process {pid}", text)
                    self.assertEqual(text.count("killed"), 1 if model == "stubborn" else 0)
                    self.assertLess(time.monotonic() - begin, 20)
                    self.assertFalse(self.pid_file().exists())
                    os.waitpid(pid, 0)  # it was there all the time

    def test_kills_nobody_who_has_the_number_by_now(self):
        for shell in SHELLS:
            with self.subTest(shell=shell), nobody_reaps():
                pid = self.start_vllm(shell, "changeling")
                code, text = self.script(shell, "stop", "ENGINE=vllm", "STOP_TIMEOUT=1")
                self.assertEqual(code, 0, text)
                self.assertNotIn("killed", text)
                self.assertEqual(os.waitpid(pid, os.WNOHANG), (0, 0))
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            # Neither a script of this name nor the server of another port.
            for name in ("start_rerank.sh tail", f"rerank serve m --port {self.port}0 --x"):
                with subprocess.Popen(["bash", "-c", f"exec -a '{name}' sleep 60"]) as other:
                    self.write_pid(other.pid)
                    self.assertIn("not running", self.script(shell, "stop")[1])
                    self.assertIsNone(other.poll())
                    other.kill()

    def test_two_starts_make_one_server(self):
        for shell in SHELLS:
            with self.subTest(shell=shell), concurrent.futures.ThreadPoolExecutor(6) as pool:
                for _ in range(3):
                    starts = [pool.submit(self.script, shell, "start", "ENGINE=vllm", "MODEL_PATH=m") for _ in range(6)]
                    said = [start.result() for start in starts]
                    self.assertEqual([code for code, _ in said], [0] * 6, said)
                    self.assertEqual(sum("starting vllm" in text for _, text in said), 1, said)
                    self.assertEqual(sum("already running" in text for _, text in said), 5, said)
                    pid = self.written_pid()
                    code, text = self.script(shell, "stop", "ENGINE=vllm")
                    self.assertIn(f"stopped: process {pid}", text)
                    self.assertEqual(code, 0)

    def test_leaves_the_number_of_another_start(self):
        for shell in SHELLS:
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                start = pool.submit(self.script, shell, "start", "ENGINE=vllm", "MODEL_PATH=fail-later")
                while not self.pid_file().exists() or not self.pid_file().read_text(encoding="ascii"):
                    time.sleep(0.01)
                self.write_pid("4321")
                go = pathlib.Path(f"{self.record}.go")
                go.touch()
                code, text = start.result()
                go.unlink()
            self.assertEqual(code, 1)
            self.assertIn("the model is broken", text)
            self.assertEqual(self.written_pid(), 4321)
            self.pid_file().unlink()

    @unittest.skipIf(shutil.which("flock") is None, "flock is not installed")
    def test_goes_on_when_the_holder_of_the_lock_was_killed(self):
        lock = self.folder / "logs" / f"rerank-{self.port}.lock"
        lock.parent.mkdir()
        for shell in SHELLS:
            with subprocess.Popen(["flock", "--no-fork", str(lock), "sleep", "60"]) as holder, \
                 concurrent.futures.ThreadPoolExecutor(1) as pool:
                while subprocess.run(["flock", "-n", str(lock), "true"], check=False).returncode == 0:
                    time.sleep(0.01)
                start = pool.submit(self.script, shell, "start", "ENGINE=vllm", "MODEL_PATH=m")
                time.sleep(0.5)
                self.assertFalse(start.done())
                holder.kill()
                code, text = start.result()
            self.assertEqual(code, 0, text)
            # The server does not hold it.
            self.assertEqual(subprocess.run(["flock", "-n", str(lock), "true"], check=False).returncode, 0)
            self.script(shell, "stop", "ENGINE=vllm")


if __name__ == "__main__":
    run_tests()
