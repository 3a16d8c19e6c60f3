"""Read how a container is to serve.

Lives here: read_server_config, from environment variables, and KeyFile, the key that clients must send.
Not here: the variables themselves (contracts.server), what they are used for (pod, probe).
Law: a value that does not fit ends the process with a sentence; nothing is guessed. Imports nothing heavy.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from pathlib import Path

from mlops.contracts.codec import ContractError, from_env
from mlops.contracts.server import ServerConfig

MODEL = Path(__file__).resolve().parents[3] / "model"
"""Beside the code, in a bento and in an image."""


class Misconfigured(Exception):
    """An environment variable does not fit, or what it names is not there."""


def read_server_config(env: Mapping[str, str]) -> ServerConfig:
    """Return what the environment says; an empty variable counts as unset. Raises Misconfigured."""
    try:
        return from_env(ServerConfig, env)
    except ContractError as error:
        raise Misconfigured(str(error)) from error


class KeyFile:
    """The content of a file, without a line break at its end; read again when the file is another.

    A file that goes away or is emptied leaves the last key in force. Raises Misconfigured where there is none at first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sign: tuple[int, int, int] | None = None
        self._key = b""
        problem = self._look()
        if not self._key:
            raise Misconfigured(
                f"MLOPS_API_KEY_FILE names {path}, {problem or 'which is empty'}. Mount the key there, or leave the "
                "variable out if everybody may ask."
            )

    def value(self) -> bytes:
        """Return the key that is in force."""
        self._look()
        return self._key

    def fits(self, key: bytes) -> bool:
        """Say whether `key` is the right one; takes as long for a wrong key as for the right one."""
        return hmac.compare_digest(key, self.value())

    def _look(self) -> str:
        """Read the file where it is another; return why it cannot be read, or nothing."""
        try:
            stat = self._path.stat()
            sign = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if sign != self._sign:
                self._key = self._path.read_bytes().rstrip(b"\r\n") or self._key
                self._sign = sign
        except OSError as error:
            return f"which cannot be read: {error.strerror}"
        return ""
