"""Exceptions of a call. Invalid arguments raise ValueError and TypeError instead."""

from __future__ import annotations


class RerankError(Exception):
    """Base class. `status`: of the reply, 0 if there was none; `server_message`: from the reply; `request_id`: the
    request in the server's log; `num_attempts`: including the first."""

    def __init__(self, text: str, *, status: int = 0, server_message: str = "", request_id: str = "",
                 num_attempts: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.server_message = server_message
        self.request_id = request_id
        self.num_attempts = num_attempts


class SettingsError(RerankError, ValueError):
    """A setting has an invalid value; the message names the setting, its source and what to do."""


class ConnectionFailed(RerankError, ConnectionError):
    """Connecting failed, or the connection was lost before the reply was complete."""


class DeadlineExceeded(RerankError, TimeoutError):
    """No scores within `timeout`, retries included."""


class StatusError(RerankError):
    """The server refused the request, and a retry cannot help or there are none left."""


class MalformedReply(RerankError):
    """A reply of status 200 that is invalid: another API, or a bug of the server."""
