"""Speak to an API server in paths and plain dictionaries.

Lives here: Api, one user's connection, and ApiError with the server's own words.
Not here: what production does.
Law: a test says the path that `kubectl --raw` would take; nothing here hides an answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

PATCHES = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class ApiError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status, self.message = status, message


@dataclass(frozen=True)
class Api:
    url: str
    token: str
    authority: Path
    _pool: urllib3.PoolManager = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pool = urllib3.PoolManager(ca_certs=str(self.authority), cert_reqs="CERT_REQUIRED", maxsize=8, retries=False)
        object.__setattr__(self, "_pool", pool)

    def call(self, method: str, path: str, body: Any = None, *, kind: str = "application/json") -> Any:
        """The answer, as JSON. `body` may be bytes (YAML, with its own `kind`)."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": kind, "Accept": "application/json"}
        answer = until(lambda: self._once(method, path, data, headers), "the API server takes requests")
        try:
            told = json.loads(answer.data)
        except ValueError:
            told = answer.data.decode()
        if answer.status >= 400:
            raise ApiError(answer.status, told["message"] if isinstance(told, dict) else told)
        return told

    def _once(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Any:
        """Nothing, if the server asks for patience: the storage of a kind defined a moment ago is being prepared."""
        answer = self._pool.request(method, self.url + path, body=data, headers=headers, timeout=30.0)
        return None if answer.status == 429 else answer

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def items(self, path: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.call("GET", path)["items"]
        return found

    def post(self, path: str, body: Any) -> Any:
        return self.call("POST", path, body)

    def patch(self, path: str, body: Any, how: str = "merge") -> Any:
        return self.call("PATCH", path, body, kind=PATCHES[how])

    def delete(self, path: str, policy: str = "Background") -> Any:
        return self.call("DELETE", path, {"propagationPolicy": policy})

    def exists(self, path: str) -> bool:
        try:
            self.get(path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True


def until(true: Callable[[], Any], what: str, *, seconds: float = 60, every: float = 0.02) -> Any:
    """The first true answer of `true`; a deadline missed names `what`."""
    end = time.monotonic() + seconds
    while True:
        if found := true():
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(every)
