"""Resolve secrets.

Lives here: read_secret, seal (references to digests), unseal (the value of one reference), fill (those in a text).
Not here: where references may stand (config.schema).
Law: a value is in no record, plan or log; a salted HMAC tells a rotation from none.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.engine.resource import Secret
from mlops.errors import MlopsError

_REFERENCE = re.compile(r"\$\{secret:([A-Za-z_][A-Za-z0-9_]*)\}")


def read_secret(folder: Path, name: str) -> str | None:
    """Return the environment variable NAME, else the content of the file `folder`/NAME without its last line break, else
    None."""
    if name in os.environ:
        return os.environ[name]
    try:
        return (folder / name).read_text().rstrip("\n")
    except OSError:
        return None


def seal(value: Any, folder: Path, salt: str) -> Any:
    """Return `value` with a salted digest in place of each reference to a secret."""
    if isinstance(value, Mapping):
        return {key: seal(inner, folder, salt) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [seal(inner, folder, salt) for inner in value]
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return value
    secret = read_secret(folder, found[1])
    digest = None
    if secret is not None and salt:
        digest = hmac.new(bytes.fromhex(salt), secret.encode(), hashlib.sha256).hexdigest()
    return Secret(found[1], digest).as_json()


def unseal(sealed: Any, folder: Path, *, field: str) -> str:
    """Return the value of the secret that `sealed` names. Raises MlopsError where it has none here."""
    return _value(sealed["$secret"], folder, field)


def fill(value: Any, folder: Path, *, field: str) -> Any:
    """Return a text with its references to secrets filled in, and anything else unchanged. Raises MlopsError where a secret
    has no value."""
    if not isinstance(value, str):
        return value
    return _REFERENCE.sub(lambda found: _value(found[1], folder, field), value)


def _value(name: str, folder: Path, field: str) -> str:
    secret = read_secret(folder, name)
    if not secret:
        raise MlopsError.of(
            "secret has no value",
            f"`{field}` needs the secret {name}. Set the environment variable {name}, or put the value into "
            f".mlops/secrets/{name} with mode 0600, then apply again.",
        )
    return secret
