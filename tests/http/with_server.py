#!/usr/bin/env python3
"""Starts `rerank serve` on a free port, waits until it is ready, runs a command with {url} and {key} filled in, ends the
server, and exits as the command did. The server must end with 0 when it is asked to; its peak of memory is printed. With
--tls it speaks TLS, with a certificate that no client should believe.

usage: with_server.py [--tls] PROGRAM [SERVE-FLAG...] -- COMMAND...
"""

import os
import pathlib
import re
import secrets
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

SECONDS_TO_START = 120
SECONDS_TO_END = 60


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_ready(url, server):
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(url + "/v1/health/ready", timeout=5, context=unverified()):
                return True
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    return False


def unverified():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def peak_mebibytes(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1)) >> 10


def main():
    at = sys.argv.index("--")
    with_tls = sys.argv[1] == "--tls"
    program, *flags = sys.argv[1 + with_tls:at]
    command = sys.argv[at + 1:]
    url = f"{'https' if with_tls else 'http'}://127.0.0.1:{free_port()}"
    if with_tls:
        sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "server"))
        from tls_files import certificate  # pylint: disable=import-outside-toplevel
        flags += ["--ssl-certfile", certificate()]
    key = secrets.token_hex(8)
    environment = dict(os.environ)
    if any("{key}" in word for word in command):
        environment["RERANK_API_KEY"] = key
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as log:
        server = subprocess.Popen([program, "serve", *flags, "--host", "127.0.0.1", "--port", url.rpartition(":")[2]],
                                  stdout=log, stderr=log, env=environment)
        try:
            result = 1
            if wait_until_ready(url, server):
                filled = [word.replace("{url}", url).replace("{key}", key) for word in command]
                result = subprocess.run(filled, check=False).returncode
            if server.poll() is None:
                print(f"the server's peak of memory: {peak_mebibytes(server)} MiB", flush=True)
            server.terminate()
            ended = server.wait(SECONDS_TO_END)
        finally:
            server.kill()
        if result not in (0, 77) or ended != 0:
            log.seek(0)
            print(f"the server ended with {server.returncode}; the end of its log:", *log.readlines()[-30:], sep="\n")
        return result or ended


if __name__ == "__main__":
    sys.exit(main())
