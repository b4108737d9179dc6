"""Connection options of both clients."""

from __future__ import annotations

import importlib.metadata
import ssl
from typing import TypedDict

import httpx

from .errors import SettingsError
from .settings import Settings

# Less than the 75 seconds after which rerank.cpp closes an idle connection.
KEPT_SECONDS = 60


class ConnectionOptions(TypedDict):
    verify: ssl.SSLContext | bool
    limits: httpx.Limits


class SessionOptions(ConnectionOptions):
    headers: dict[str, str]


def version() -> str:
    return importlib.metadata.version("rerank-cpp")


def _tls_context(settings: Settings) -> ssl.SSLContext | bool:
    if not settings.ca_file and not settings.certificate_file:
        return settings.verify_tls
    try:
        context = ssl.create_default_context(cafile=settings.ca_file or None)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"ca_file is {settings.ca_file}: cannot read it as PEM certificates: {error}") from error
    if not settings.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate_file:
        try:
            context.load_cert_chain(settings.certificate_file, settings.key_file or None)
        except (OSError, ssl.SSLError) as error:
            raise SettingsError(f"certificate_file is {settings.certificate_file}: cannot read it as a PEM "
                                f"certificate with its key: {error}") from error
    return context


def connection_options(settings: Settings) -> ConnectionOptions:
    """Options of a transport; httpx takes them there for Unix sockets."""
    connections = settings.max_connections
    return {"verify": _tls_context(settings),
            "limits": httpx.Limits(max_connections=connections, max_keepalive_connections=connections,
                                   keepalive_expiry=KEPT_SECONDS)}


def session_options(settings: Settings) -> SessionOptions:
    return {**connection_options(settings),
            "headers": {"User-Agent": f"rerank-cpp-python/{version()}", "Accept": "application/json",
                        "Accept-Encoding": "identity"}}
