"""Speak HTTP/1.1 on one connection.

Lives here: HttpProtocol, uvicorn's own with limits on what stands before a body, and errors as JSON.
Not here: bodies (body), what is answered (app).
Law: whatever bytes a client sends, it gets JSON or a closed connection, and costs a bounded amount of memory.
"""

from __future__ import annotations

import json
from asyncio import TimerHandle

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

_HEAD_BYTES = 2**16
_HEAD_LINES = 256
HEAD_SECONDS = 10.0


class HttpProtocol(HttpToolsProtocol):
    """Ends a connection whose head is too long, has too many lines, or does not arrive within HEAD_SECONDS."""

    _head_bytes = 0
    _head_timer: TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        # What uvicorn's own does, without its calls: this runs for every request.
        if self.timeout_keep_alive_task is not None:
            self.timeout_keep_alive_task.cancel()
            self.timeout_keep_alive_task = None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            pass  # the request is answered as if it had not asked for another protocol
        except httptools.HttpParserError:
            self._refuse(400, "this is not a valid HTTP request")
            return
        headers = self.headers
        if self.cycle is None or self.cycle.scope["headers"] is not headers or len(headers) > _HEAD_LINES:
            self._check_head(len(data))
        elif self._head_timer is not None:
            self._end_head()

    def _check_head(self, received: int) -> None:
        """Look at a head that is not complete, or has many lines. `received`: the bytes that came last."""
        if self.transport.is_closing():
            return
        self._head_bytes += received
        if self._head_bytes > _HEAD_BYTES or len(self.headers or ()) > _HEAD_LINES:
            self._refuse(431, "the headers are too large")
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_head()
        super().connection_lost(exc)

    def _end_head(self) -> None:
        self._head_bytes = 0
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        if not self.transport.is_closing():
            self._refuse(408, f"the headers did not arrive within {HEAD_SECONDS:g} seconds")

    def _refuse(self, status: int, problem: str) -> None:
        """Answer and close; where an answer is under way already, only close."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            body = json.dumps({"error": problem}).encode()
            head = b"content-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body)
            self.transport.write(STATUS_LINE[status] + head + body)
        self.transport.close()
