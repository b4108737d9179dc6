"""rerank() and score() for programs that use one server: a client shared by the process, created on the first call."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .calls import CallOptions
from .client import Client
from .replies import RerankReply, ScoreReply
from .settings import Settings

if TYPE_CHECKING:
    from typing_extensions import Unpack

_lock = threading.Lock()
_settings: Settings | None = None  # None: Settings.load() on the first call
_client: Client | None = None


def configure(settings: Settings | None = None) -> None:
    """Sets the settings of rerank() and score(); None: Settings.load() on the next call."""
    global _settings, _client
    with _lock:
        replaced, _client, _settings = _client, None, settings
    if replaced is not None:
        replaced.close()


def _shared() -> Client:
    global _client
    with _lock:
        if _client is None:
            _client = Client(_settings)
        return _client


def rerank(query: str, documents: Sequence[str], *, top_n: int | None = None,
           **options: Unpack[CallOptions]) -> RerankReply:
    """Client.rerank of the shared client."""
    return _shared().rerank(query, documents, top_n=top_n, **options)


def score(queries: str | Sequence[str], documents: str | Sequence[str], **options: Unpack[CallOptions]) -> ScoreReply:
    """Client.score of the shared client."""
    return _shared().score(queries, documents, **options)


def _reset() -> None:
    """In a child process: connections and locks belong to the parent."""
    global _client, _lock
    _client, _lock = None, threading.Lock()


atexit.register(configure)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset)
