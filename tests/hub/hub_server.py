"""A hub of models on this machine for tests, in the shapes of Hugging Face and of ModelScope, with storage on another
host name and port, that can be told to misbehave in every way a network and a server can. Standard library only."""

import contextlib
import hashlib
import http.server
import json
import re
import socket
import ssl
import threading
import urllib.parse

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CHUNK = 1 << 16


def git_hash(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


class Faults:
    """What goes wrong. All off: an honest hub."""

    def __init__(self):
        self.cut_after = None  # bytes of a body; then the connection is closed
        self.cuts_left = None  # how many bodies are cut; None: all
        self.ignore_ranges = False
        self.range_shift = 0  # added to what Content-Range says
        self.short_ranges = None  # at most so many bytes in an answer to a range
        self.length_lie = 0  # added to Content-Length of whole bodies
        self.flipped = set()  # names of files with one byte changed
        self.statuses = []  # (status, headers) for the next requests of files, then all is well
        self.listing_statuses = []  # the same for listings
        self.endless_refusal = False  # of files: a status whose words never end
        self.redirect_loop = False
        self.hold_after = None  # bytes of all bodies; then everybody waits for `go_on`


class Hub:
    """Serves `files` as the model `name`. Use as a context; `requests` and `storage_requests` hold (method, path,
    headers) in the order they came, names of headers in lower case."""

    def __init__(self, files, name="org/model", large_bytes=100_000, certificate=None):
        self.certificate = certificate  # PEM with its key: HTTPS, but for the storage
        self.files = dict(files)
        self.name = name
        self.large = {file for file, content in self.files.items() if len(content) >= large_bytes}
        self.faults = Faults()
        self.token = None  # who does not send it is refused
        self.gated = False
        self.hides_checksums = False
        self.listed_too = []  # entries of the listing without a file behind them
        self.requests = []
        self.storage_requests = []
        self.sent_bytes = 0
        self.held = threading.Event()
        self.go_on = threading.Event()
        self.lock = threading.Lock()
        self._servers = []

    def __enter__(self):
        for storage in (False, True):
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
            server.daemon_threads = True
            server.hub, server.storage = self, storage
            if self.certificate and not storage:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.certificate)
                server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            self._servers.append(server)
        return self

    def __exit__(self, *_):
        self.go_on.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    @property
    def url(self):
        return f"http{'s' if self.certificate else ''}://127.0.0.1:{self._servers[0].server_port}"

    def storage_url(self, file):
        return f"http://localhost:{self._servers[1].server_port}/storage/{file}?signature=secret"

    def forget(self):
        """As if nobody had asked anything yet."""
        with self.lock:
            self.requests, self.storage_requests, self.sent_bytes = [], [], 0
        self.faults = Faults()
        self.held.clear()
        self.go_on.clear()

    def file_requests(self):
        return [request for request in self.requests + self.storage_requests
                if "/resolve" in request[1] or "/storage/" in request[1] or "FilePath=" in request[1]]

    def content(self, file):
        content = self.files[file]
        if file in self.faults.flipped:
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1:]
        return content

    def huggingface_listing(self):
        siblings = list(self.listed_too)
        for file, content in self.files.items():
            entry = {"rfilename": file}
            if not self.hides_checksums:
                entry |= {"size": len(content), "blobId": git_hash(content)}
                if file in self.large:
                    entry["lfs"] = {"sha256": sha256(content), "size": len(content), "pointerSize": 130}
                    entry["blobId"] = git_hash(b"pointer")
            siblings.append(entry)
        return {"id": self.name, "sha": COMMIT, "siblings": siblings}

    def modelscope_listing(self):
        files = [{"Name": "onnx", "Path": "onnx", "Type": "tree", "Size": 0, "Sha256": ""}]
        files += [{"Name": file, "Path": file, "Type": "blob", "Size": len(content), "Sha256": sha256(content),
                   "IsLFS": file in self.large} for file, content in self.files.items()]
        return {"Code": 200, "Success": True, "Message": "success", "Data": {"Files": files}}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self._answer()

    def do_GET(self):
        self._answer()

    def _answer(self):
        hub = self.server.hub
        headers = {name.lower(): value for name, value in self.headers.items()}
        with hub.lock:
            (hub.storage_requests if self.server.storage else hub.requests).append((self.command, self.path, headers))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._route(hub)

    def handle(self):
        with contextlib.suppress(ssl.SSLError, ConnectionResetError):  # who does not trust us says so and goes
            super().handle()

    def _route(self, hub):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        if self.server.storage:
            return self._send_file(hub, path.removeprefix("/storage/"))
        if hub.faults.redirect_loop and "/resolve/" in path:
            return self._send(302, b"", {"Location": self.path})
        listing = re.fullmatch(r"/api/models/(.+)/revision/(.+)", path)
        if listing:
            return self._send_listing(hub, listing[1], listing[2], hub.huggingface_listing)
        if path.endswith("/repo/files"):
            name = path.removeprefix("/api/v1/models/").removesuffix("/repo/files")
            return self._send_listing(hub, name, query["Revision"][0], hub.modelscope_listing)
        if path.endswith("/repo"):
            return self._send_or_redirect(hub, query["FilePath"][0])
        if path.startswith("/api/resolve-cache/"):
            return self._send_small(hub, path.removeprefix("/api/resolve-cache/"))
        found = re.fullmatch(rf"/{hub.name}/resolve/{COMMIT}/(.+)", path)
        return self._send_or_redirect(hub, found[1]) if found else self._send(404, b"no such path")

    def _send_listing(self, hub, name, revision, listing):
        if hub.faults.listing_statuses:
            status, headers = hub.faults.listing_statuses.pop(0)
            return self._send(status, b"busy", headers)
        if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
            return self._send(401, b'{"error": "who are you?"}', {"X-Error-Code": "RepoNotFound"})
        if name != hub.name:
            return self._send(404, b'{"Code": 404, "Message": "no such model", "Success": false}')
        if revision not in ("main", "master", "v1", COMMIT):
            return self._send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        return self._send(200, json.dumps(listing()).encode(), {"Content-Type": "application/json"})

    def _send_or_redirect(self, hub, file):
        if file not in hub.files:
            return self._send(404, b"", {"X-Error-Code": "EntryNotFound"})
        if hub.gated and not self.headers.get("Authorization"):
            return self._send(401, b"", {"X-Error-Code": "GatedRepo"})
        content = hub.files[file]
        if file in hub.large:
            return self._send(302, b"", {"Location": hub.storage_url(file), "X-Linked-Etag": f'"{sha256(content)}"',
                                         "X-Linked-Size": str(len(content)), "ETag": '"of the redirect"',
                                         "X-Repo-Commit": COMMIT})
        if "/resolve/" in self.path:
            return self._send(307, b"", {"Location": f"/api/resolve-cache/{file}", "X-Repo-Commit": COMMIT})
        return self._send_small(hub, file)

    def _send_small(self, hub, file):
        if self.command == "HEAD":
            content = hub.files[file]
            return self._send(200, content, {"ETag": f'W/"{git_hash(content)}"', "X-Repo-Commit": COMMIT})
        return self._send_file(hub, file)

    def _send(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_file(self, hub, file):
        faults = hub.faults
        with hub.lock:
            refusal = faults.statuses.pop(0) if faults.statuses else None
        if refusal:
            return self._send(refusal[0], b"not now", refusal[1])
        if faults.endless_refusal:
            return self._refuse_for_ever()
        content = hub.content(file)
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked and not faults.ignore_ranges:
            first, last = int(asked[1]), min(int(asked[2]), len(content) - 1)
            if faults.short_ranges:
                last = min(last, first + faults.short_ranges - 1)
            said = f"bytes {first + faults.range_shift}-{last + faults.range_shift}/{len(content)}"
            body, lie = content[first:last + 1], 0
            self.send_response(206)
            self.send_header("Content-Range", said)
        else:
            body, lie = content, faults.length_lie
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) + lie))
        self.end_headers()
        self._send_body(hub, body if lie >= 0 else body[:lie])
        if lie > 0:
            self._hang_up()
        return None

    def _send_body(self, hub, body):
        faults = hub.faults
        with hub.lock:
            is_cut = faults.cut_after is not None and faults.cuts_left != 0
            if is_cut and faults.cuts_left is not None:
                faults.cuts_left -= 1
        end = min(len(body), faults.cut_after) if is_cut else len(body)
        for begin in range(0, end, CHUNK):
            part = body[begin:min(begin + CHUNK, end)]
            with hub.lock:
                hub.sent_bytes += len(part)
                is_held = faults.hold_after is not None and hub.sent_bytes > faults.hold_after
            if is_held:
                hub.held.set()
                hub.go_on.wait()
            self.wfile.write(part)
        if end < len(body):
            self._hang_up()

    def _refuse_for_ever(self):
        self.send_response(403)
        self.send_header("Connection", "close")
        self.end_headers()
        while True:
            self.wfile.write(b"no, and " * 8192)

    def _hang_up(self):
        self.wfile.flush()
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
