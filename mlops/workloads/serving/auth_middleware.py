"""Ask for a key.

Lives here: KeyRequired, an ASGI application before another.
Not here: where the key comes from (server_settings).
Law: without the key, nothing but health, readiness, metrics and the empty page of documentation is answered.
"""

from __future__ import annotations

from collections.abc import Set

from mlops.contracts.names import KEY_HEADER
from mlops.workloads.serving.app import Application, Scope, Send
from mlops.workloads.serving.body import Receive
from mlops.workloads.serving.server_settings import KeyFile

_HEADER = KEY_HEADER.encode()
_DENIED = b'{"error":"the header x-api-key is missing or wrong"}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_DENIED)).encode())]


class KeyRequired:
    """Answers 401 to whoever sends no key, and gives every other request to the application."""

    def __init__(self, application: Application, key: KeyFile) -> None:
        self._application, self._key = application, key
        self._open: Set[str] = application.open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in self._open:
            sent = next((value for name, value in scope["headers"] if name == _HEADER), b"")
            if not self._key.fits(sent):
                await send({"type": "http.response.start", "status": 401, "headers": _HEADERS})
                await send({"type": "http.response.body", "body": _DENIED})
                return
        await self._application(scope, receive, send)
