"""Resolve secrets.

Lives here: missing_secrets, seal (references to digests), unseal (the value of one reference), fill (those in a text),
key_reference (what may be stored of a secret that a gateway is given).
Not here: where references may stand (config.schema), reading a value (secret_values).
Law: a value is in no record, plan or log; a salted HMAC tells a rotation from none.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.config.project import LoadedResource
from mlops.engine.resource import Secret
from mlops.errors import InvalidConfig, Problem
from mlops.secret_values import SECRET_REFERENCE, read_secret, required_secret


def missing_secrets(resource: LoadedResource, folder: Path) -> Iterator[Problem]:
    """Yield a problem for each secret that a resource names and that has no value on this machine."""
    for field, text in _texts("", resource.inputs):
        for name in dict.fromkeys(SECRET_REFERENCE.findall(text)):
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
    found = SECRET_REFERENCE.fullmatch(value) if isinstance(value, str) else None
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
    return required_secret(folder, secret_name(sealed), field)


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
    return SECRET_REFERENCE.sub(lambda found: required_secret(folder, found[1], field), value)
