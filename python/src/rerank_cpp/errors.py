"""What a call may end with instead of scores. Mistakes in the arguments of a call are ValueError and TypeError."""

from __future__ import annotations


class RerankError(Exception):
    """Base of all below. `status` is the reply's, 0 where there was none; `server_message` is what the server said;
    `request_id` finds the request in the server's log; `num_attempts` counts the first."""

    def __init__(self, text: str, *, status: int = 0, server_message: str = "", request_id: str = "",
                 num_attempts: int = 0) -> None:
        super().__init__(text)
        self.status = status
        self.server_message = server_message
        self.request_id = request_id
        self.num_attempts = num_attempts


class SettingsError(RerankError, ValueError):
    """A setting's value cannot be used; the text names the setting, where it came from and what to do."""


class ConnectionFailed(RerankError, ConnectionError):
    """There was no connection, or it broke before the whole reply had come."""


class DeadlineExceeded(RerankError, TimeoutError):
    """The scores were not there within `timeout`, retries included."""


class StatusError(RerankError):
    """The server refused, and either asking again cannot help or was tried often enough."""


class MalformedReply(RerankError):
    """A reply of status 200 that is not what was asked for: another API, or a fault of the server."""
