"""Ask for a key.

Lives here: KeyRequired, an ASGI application before another.
Not here: where the key comes from (told).
Law: without the key, nothing but health, readiness and metrics is answered.
"""

from __future__ import annotations

from collections.abc import Set

from mlops.workloads.serving.app import Application, Receive, Scope, Send
from mlops.workloads.serving.server_settings import KEY_HEADER, KeyFile

_HEADER = KEY_HEADER.encode()
_DENIED = b'{"error":"the header x-api-key is missing or wrong"}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(_DENIED)).encode())]


class KeyRequired:
    def __init__(self, application: Application, key: KeyFile) -> None:
        self._application, self._key = application, key
        self._open: Set[str] = application.open_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in self._open:
            told = next((value for name, value in scope["headers"] if name == _HEADER), b"")
            if not self._key.fits(told):
                await send({"type": "http.response.start", "status": 401, "headers": _HEADERS})
                await send({"type": "http.response.body", "body": _DENIED})
                return
        await self._application(scope, receive, send)
