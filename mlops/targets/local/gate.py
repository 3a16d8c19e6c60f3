"""Decide who is let in.

Lives here: gate_of, what an endpoint's file says of keys, tokens and limits; keys_now, what the gateway lets in by it;
next_change, when that will be another; tls_of, the certificates of a stack.
Not here: the gateway's tables (host, tools.envoy_documents), counting what a key has used (gatekeeper).
Law: no value of a key stands in the endpoint's file: a salted digest tells whether a value is the one that was applied.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.context.secrets import key_reference, matches, secret_name, unseal
from mlops.errors import MlopsError
from mlops.secret_values import read_secret
from mlops.tools.envoy_documents import GateKey, Tls, TokenIssuer

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import Endpoint
    from mlops.config.schema.targets.local import Local

DEFAULT_KEY = "default"
"""What the one key of `auth.api_key` is called."""


def gate_of(endpoint: Endpoint, root: Path, secrets: Path, before: Mapping[str, Any], now: float) -> dict[str, Any]:
    """Return the gate as the endpoint's file keeps it: {keys: {NAME: {auth, rate, quota, old: [{auth, until}]}}, jwt, rate}. A
    key whose secret is another than `before` goes on to be let in until its overlap is over. Raises MlopsError."""
    rate = endpoint.rate_limit
    found: dict[str, Any] = {"auth": None, "key": None, "keys": None, "jwt": None, "rate": _pair(rate)}
    if endpoint.auth is None:
        return found
    known = keys_in(before)
    wanted: dict[str, tuple[str, Any, Any, Any]] = {}
    if endpoint.auth.api_key is not None:
        wanted[DEFAULT_KEY] = ("auth.api_key", endpoint.auth.api_key, None, None)
    for name, one in endpoint.auth["keys"].items():  # type: ignore[index]  # `keys` is a method of what reads judged inputs
        wanted[name] = (f"auth.keys.{name}.secret", one["secret"], one["limit"], one["quota"])
    found["keys"] = {
        name: _key_in_file(
            known.get(name, {}), secret_name(sealed), unseal(sealed, secrets, field=field), now, endpoint.auth.overlap
        ) | {"rate": _pair(limit), "quota": _pair(quota)}
        for name, (field, sealed, limit, quota) in wanted.items()
    }  # fmt: skip
    token = endpoint.auth.jwt
    if token is not None:
        path = root / token.jwks
        found["jwt"] = {
            "keys": _text(path, "auth.jwt.jwks"),
            "issuer": token.issuer,
            "audiences": list(token.audiences),
        }
    return found


def _pair(rate: Any) -> list[float] | None:
    return [rate["number"], rate["seconds"]] if rate else None


def _key_in_file(known: Mapping[str, Any], name: str, value: str, now: float, overlap: float) -> dict[str, Any]:
    reference = key_reference(name, value, known.get("auth") or {})
    old = [one for one in known.get("old", ()) if one["until"] > now and not matches(value, one["auth"])]
    if known.get("auth") and not matches(value, known["auth"]):
        old.append({"auth": known["auth"], "until": now + overlap})
    return {"auth": reference, "old": [one for one in old if one["until"] > now] if overlap > 0 else []}


def _text(path: Path, field: str) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not text"
        raise MlopsError.of("file cannot be read", f"`{field}` names {path}: {why}.") from error


def keys_in(gate: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """Return the keys of a gate, also of one that a version before this one wrote."""
    if gate.get("keys") is not None:
        return gate["keys"]  # type: ignore[no-any-return]
    return {DEFAULT_KEY: {"auth": gate["auth"]}} if gate.get("auth") else {}


def keys_now(
    endpoint: str, gate: Mapping[str, Any], secrets: Path, in_force: Iterable[str], spent: Collection[str], now: float
) -> dict[str, GateKey] | None:
    """Return what the gateway lets in: the values that were applied, be it that a secret is another one by now. `in_force`: what
    it lets in so far. `spent`: keys that have used up their quota. None where it needs no key. Raises MlopsError where
    a value is nowhere."""
    if gate.get("key"):  # a file of a version before this one holds the key itself
        return {DEFAULT_KEY: GateKey((gate["key"],))}
    known = keys_in(gate)
    if not known:
        return {} if gate.get("jwt") else None
    there = list(in_force)
    found = {}
    for name, key in known.items():
        values = [_value(endpoint, key["auth"], secrets, there)]
        for old in key.get("old", ()):
            if old["until"] > now:
                values += [value for value in there if matches(value, old["auth"])][:1]
        rate = key.get("rate")
        limit = (int(rate[0]), float(rate[1])) if rate else None
        found[name] = GateKey(tuple(dict.fromkeys(values)), limit, name in spent)
    return found


def _value(endpoint: str, reference: Mapping[str, Any], secrets: Path, there: Iterable[str]) -> str:
    name = reference["secret"]
    for value in (read_secret(secrets, name), *there):
        if value is not None and matches(value, reference):
            return value
    raise MlopsError.of(
        "secret has no value",
        f"The gateway needs the key of endpoint.{endpoint}, the secret {name}, with the value that was applied. Set the "
        f"environment variable {name}, or put the value into .mlops/secrets/{name} with mode 0600, then apply again.",
    )


def next_change(gate: Mapping[str, Any], now: float) -> float | None:
    """Return when the next old value is no longer let in, in seconds since 1970."""
    times = [old["until"] for key in keys_in(gate).values() for old in key.get("old", ())]
    return min((time for time in times if time > now), default=None)


def issuer_of(gate: Mapping[str, Any]) -> TokenIssuer | None:
    said = gate.get("jwt")
    return TokenIssuer(said["keys"], said["issuer"], tuple(said["audiences"])) if said else None


def tls_of(stack: Local, root: Path, secrets: Path) -> Tls | None:
    """Raises MlopsError where a file or a secret is not there."""
    if stack.tls is None:
        return None

    def pem(field: str) -> str:
        said = stack.tls[field]  # type: ignore[index]
        if isinstance(said, Mapping):
            return unseal(said, secrets, field=f"tls.{field}")
        return _text(root / str(said), f"tls.{field}")

    return Tls(pem("certificate"), pem("key"), pem("client_ca") if stack.tls.client_ca else None)
