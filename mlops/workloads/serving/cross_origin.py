"""Let pages of other origins ask (CORS).

Lives here: CrossOrigin, an ASGI application before another, and with_cross_origin, which puts it there where origins are named.
Not here: which origins (the package's `api.cors`).
Law: no origin that is not named gets a header that lets it read an answer; without any, nothing stands before the application.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from mlops.workloads.serving.app import Scope, Send
from mlops.workloads.serving.body import Receive

Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]
_ORIGIN, _METHOD = b"origin", b"access-control-request-method"
_EXPOSED = b"x-request-id, x-mlops-version, inference-header-content-length"
_ALLOWED = (
    (b"access-control-allow-methods", b"GET, HEAD, POST"),
    (b"access-control-allow-headers", b"content-type, content-encoding, x-api-key, x-request-id, traceparent, "
     b"tracestate, inference-header-content-length"),
    (b"access-control-max-age", b"600"), (b"content-length", b"0"),
)  # fmt: skip


class CrossOrigin:
    """Answers what a browser asks first, and adds to other answers the header that lets the page read them."""

    def __init__(self, application: Asgi, origins: Sequence[str]) -> None:
        self._application = application
        self._origins = frozenset(origin.encode() for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        origin = headers.get(_ORIGIN)
        if origin is None:
            await self._application(scope, receive, send)
            return
        allowed = self._allowed(origin)
        if scope["method"] == "OPTIONS" and _METHOD in headers:
            start = {
                "type": "http.response.start",
                "status": 204,
                "headers": [*allowed, *(_ALLOWED if allowed else ())],
            }
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return

        async def send_allowed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                more = [*allowed, (b"access-control-expose-headers", _EXPOSED)] if allowed else []
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._application(scope, receive, send_allowed)

    def _allowed(self, origin: bytes) -> list[tuple[bytes, bytes]]:
        if b"*" in self._origins:
            return [(b"access-control-allow-origin", b"*")]
        vary = (b"vary", b"origin")
        return [(b"access-control-allow-origin", origin), vary] if origin in self._origins else []


def with_cross_origin(application: Asgi, origins: Sequence[str]) -> Asgi:
    return CrossOrigin(application, origins) if origins else application
