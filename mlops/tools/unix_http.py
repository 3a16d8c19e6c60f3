"""Speak HTTP over a Unix socket.

Lives here: ask.
Not here: what is asked.
Law: one request, one connection, always with a timeout.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Mapping
from pathlib import Path


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def ask(
    path: Path,
    target: str,
    *,
    body: bytes | None = None,
    timeout: float = 2.0,
    headers: Mapping[str, str] | None = None,
) -> tuple[int, bytes]:
    """Send a GET, or a POST where there is a body, and return status and body of the answer. Raises OSError."""
    connection = _Connection(path, timeout)
    try:
        connection.request("GET" if body is None else "POST", target, body, dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"{path}: {type(error).__name__}") from error
    finally:
        connection.close()
