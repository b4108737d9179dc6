"""Client for rerank.cpp and other servers with the same rerank and score routes.

    from rerank_cpp import rerank

    items, scores, raw = rerank("edit photos", ["image editor", "mail server"], top_n=1)
"""

from .async_client import AsyncClient
from .calls import CallOptions
from .client import Client
from .errors import (
    ConnectionFailed,
    DeadlineExceeded,
    MalformedReply,
    RerankError,
    SettingsError,
    StatusError,
)
from .replies import RawReply, RerankItem, RerankReply, ScoreItem, ScoreReply
from .settings import Settings
from .shared import configure, rerank, score
from .transport import version

__version__ = version()
__all__ = [
    "AsyncClient",
    "CallOptions",
    "Client",
    "ConnectionFailed",
    "DeadlineExceeded",
    "MalformedReply",
    "RawReply",
    "RerankError",
    "RerankItem",
    "RerankReply",
    "ScoreItem",
    "ScoreReply",
    "Settings",
    "SettingsError",
    "StatusError",
    "configure",
    "rerank",
    "score",
]
