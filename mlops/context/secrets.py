"""Resolve secrets.

Lives here: read_secret, missing_secrets, seal (references to digests), unseal (the value of one reference), fill (those in a text),
key_reference (what may be stored of a secret that a gateway is given).
Not here: where references may stand (config.schema).
Law: a value is in no record, plan or log; a salted HMAC tells a rotation from none.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.config.project import LoadedResource
from mlops.engine.resource import Secret
from mlops.errors import InvalidConfig, MlopsError, Problem

_REFERENCE = re.compile(r"\$\{secret:([A-Za-z_][A-Za-z0-9_]*)\}")


def read_secret(folder: Path, name: str) -> str | None:
    """Return the environment variable NAME, else the content of the file `folder`/NAME without its last line break, else
    None. Raises InvalidConfig for a file, or a folder, that other users of the machine can reach."""
    if name in os.environ:
        return os.environ[name]
    path = folder / name
    try:
        if path.is_file():
            _check_private(folder, 0o700, "folder")
            _check_private(path, 0o600, "file")
        return path.read_text(encoding="utf-8").rstrip("\n")
    except UnicodeDecodeError:
        raise InvalidConfig.of(
            "secret is not text", f"{path} is not UTF-8 text. Write the value into it again."
        ) from None
    except OSError:
        return None


def _check_private(path: Path, most: int, noun: str) -> None:
    mode = path.stat().st_mode & 0o777
    if mode & ~most & 0o077:
        raise InvalidConfig.of(
            "secret is open to others",
            f"The {noun} {path} has mode {mode:04o}: other users of this machine can reach secrets in it. Close it: chmod "
            f"{most:o} {shlex.quote(str(path))}. If others have used this machine, change the secrets.",
        )


def missing_secrets(resource: LoadedResource, folder: Path) -> Iterator[Problem]:
    """Yield a problem for each secret that a resource names and that has no value on this machine."""
    for field, text in _texts("", resource.inputs):
        for name in dict.fromkeys(_REFERENCE.findall(text)):
            address, source = str(resource.address), resource.source(field)
            try:
                value = read_secret(folder, name)
            except InvalidConfig as error:
                yield from (replace(problem, address=address, source=source) for problem in error.problems)
                continue
            if not value:
                detail = (
                    f"`{field}` needs the secret {name}. Set the environment variable {name}, or put the value into "
                    f".mlops/secrets/{name} with mode 0600. Where the apply runs elsewhere, and has it there: --no-preflight."
                )
                yield Problem("secret has no value", detail, address, source)


def _texts(path: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, inner in pairs:
        yield from _texts(f"{path}.{key}" if path else str(key), inner)


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
        digest = _salted(secret, salt)
    return Secret(found[1], digest).as_json()


def secret_name(sealed: Any) -> str:
    """Return the name of the secret that `sealed` stands for."""
    return str(sealed["$secret"])


def unseal(sealed: Any, folder: Path, *, field: str) -> str:
    """Return the value of the secret that `sealed` names. Raises MlopsError where it has none here."""
    return _value(secret_name(sealed), folder, field)


def key_reference(name: str, value: str, before: Mapping[str, Any]) -> dict[str, str]:
    """Return what may be stored of a secret that is read again later: its name, and a salted digest that tells whether it
    is still the same. `before`: what was stored so far; it stays where the secret is the same."""
    if before.get("secret") == name and matches(value, before):
        return {"secret": name, "salt": before["salt"], "digest": before["digest"]}
    salt = secrets.token_hex(16)
    return {"secret": name, "salt": salt, "digest": _salted(value, salt)}


def matches(value: str, reference: Mapping[str, Any]) -> bool:
    """Say whether the value is the one that `key_reference` was made of."""
    return hmac.compare_digest(_salted(value, reference["salt"]), reference["digest"])


def _salted(value: str, salt: str) -> str:
    return hmac.new(bytes.fromhex(salt), value.encode(), hashlib.sha256).hexdigest()


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
