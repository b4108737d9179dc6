"""Connections that are not plain TCP: Unix sockets and TLS."""

from __future__ import annotations

import dataclasses
import shutil
import socket
import socketserver
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conftest import CallFunction
from rerank_cpp import ConnectionFailed, Settings
from stand_in import StandIn


class UnixStandIn(StandIn):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)

    def get_request(self) -> tuple[Any, Any]:
        connection, _ = self.socket.accept()
        return connection, ("", 0)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """server.pem for 127.0.0.1 and client.pem, each its own authority, with keys."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make certificates with")
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("server", "client"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
                        "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", f"{name}.key", "-out",
                        f"{name}.pem"], cwd=folder, check=True, capture_output=True)
    return folder


@pytest.fixture
def tls_server(server: StandIn, certificates: Path) -> Iterator[StandIn]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(certificates / "client.pem"))
    context.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    context.verify_mode = ssl.CERT_OPTIONAL
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield server


def test_unix_socket(call: CallFunction, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    server = UnixStandIn(path)
    try:
        settings = Settings(unix_socket=path, url="http://named-in-the-request:1")
        assert call(settings, "rerank", "query", ["a", "bb"]).scores == [0.001, 0.002]
        assert server.requests[0][1]["host"] == "named-in-the-request:1"
    finally:
        server.end()


def test_tls(call: CallFunction, tls_server: StandIn, certificates: Path) -> None:
    settings = Settings(url=tls_server.url.replace("http:", "https:"), ca_file=str(certificates / "server.pem"))
    assert call(settings, "rerank", "query", ["a"]).scores == [0.001]
    assert tls_server.certificates == [None]
    settings = dataclasses.replace(settings, certificate_file=str(certificates / "client.pem"),
                                   key_file=str(certificates / "client.key"))
    assert call(settings, "rerank", "query", ["a"]).scores == [0.001]
    assert "client" in str(tls_server.certificates[1])


def test_an_unknown_certificate_is_refused_at_once(call: CallFunction, tls_server: StandIn) -> None:
    settings = Settings(url=tls_server.url.replace("http:", "https:"))
    with pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED") as caught:
        call(settings, "rerank", "query", ["a"])
    assert caught.value.num_attempts == 1
    assert not tls_server.requests
    assert call(dataclasses.replace(settings, verify_tls=False), "rerank", "query", ["a"]).scores == [0.001]
