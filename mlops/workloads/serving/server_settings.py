"""Read what a container is told.

Lives here: ServerSettings, from environment variables, and KeyFile, the key that clients must send.
Not here: what it is used for (pod, ready).
Law: a value that does not fit ends the process with a sentence; nothing is guessed. Imports nothing heavy.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MODEL = Path(__file__).resolve().parents[3] / "model"
"""Beside the code, in a bento and in an image."""
KEY_HEADER = "x-api-key"
WEEK = 604800.0


class Misconfigured(Exception):
    """An environment variable does not fit, or what it names is not there."""


@dataclass(frozen=True)
class ServerSettings:
    """`log`: the folder of the prediction log, None for none. `key_file`: holds the key, None where everybody may ask.

    `flush`, `keep`, `grace`, `drain`: seconds. `sample`: the share of the requests kept.
    """

    version: str
    host: str = "0.0.0.0"  # noqa: S104  a container's own network
    port: int = 8000
    log: Path | None = None
    sample: float = 1.0
    flush: float = 1.0
    keep: float = WEEK
    key_file: Path | None = None
    grace: float = 10.0
    drain: float = 0.0


def read_server_settings(env: Mapping[str, str]) -> ServerSettings:
    """From MLOPS_VERSION, _HOST, _PORT, _LOG_DIR, _LOG_SAMPLE, _LOG_FLUSH, _LOG_KEEP, _API_KEY_FILE, _GRACE, _DRAIN.

    An empty variable counts as unset. Raises Misconfigured.
    """
    version = env.get("MLOPS_VERSION", "")
    if not (version and version.isascii() and version.isprintable() and not set(' /"\\') & set(version)):
        raise Misconfigured(
            f"MLOPS_VERSION is {version!r}. It names the version that answers, such as v3: visible ASCII without blanks, "
            "slashes and quotes."
        )
    log, key = env.get("MLOPS_LOG_DIR"), env.get("MLOPS_API_KEY_FILE")
    return ServerSettings(
        version=version,
        host=env.get("MLOPS_HOST") or ServerSettings.host,
        port=int(_number(env, "MLOPS_PORT", ServerSettings.port, low=1, high=65535, whole=True)),
        log=Path(log) if log else None,
        sample=_number(env, "MLOPS_LOG_SAMPLE", ServerSettings.sample, high=1),
        flush=_number(env, "MLOPS_LOG_FLUSH", ServerSettings.flush, low=0.001),
        keep=_number(env, "MLOPS_LOG_KEEP", ServerSettings.keep),
        key_file=Path(key) if key else None,
        grace=_number(env, "MLOPS_GRACE", ServerSettings.grace),
        drain=_number(env, "MLOPS_DRAIN", ServerSettings.drain),
    )


def _number(
    env: Mapping[str, str], name: str, default: float, *, low: float = 0, high: float = math.inf, whole: bool = False
) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        value = float(int(text) if whole else float(text))
    except ValueError:
        value = math.nan
    if not low <= value <= high or math.isinf(value):
        kind = "a whole number" if whole else "a number"
        bounds = f"from {low:g} to {high:g}" if high < math.inf else f"of at least {low:g}"
        raise Misconfigured(f"{name} is {text!r}. It must be {kind} {bounds}; leave it out for {default:g}.")
    return value


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
        self._look()
        return self._key

    def fits(self, told: bytes) -> bool:
        """Takes as long for a wrong key as for the right one."""
        return hmac.compare_digest(told, self.value())

    def _look(self) -> str:
        """Why it cannot be read, or nothing."""
        try:
            stat = self._path.stat()
            sign = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
            if sign != self._sign:
                self._key = self._path.read_bytes().rstrip(b"\r\n") or self._key
                self._sign = sign
        except OSError as error:
            return f"which cannot be read: {error.strerror}"
        return ""
