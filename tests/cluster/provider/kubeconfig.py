"""Which API server, and as whom.

Lives here: reading a kubeconfig (a path or its contents) for a server, its authority and a token or certificate.
Not here: log-in plug-ins (exec, auth-provider): the tests' users have tokens.
Law: nothing is said to a server here.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Access:
    server: str
    verify: bool
    authority: str | None
    token: str | None
    certificate: str | None
    key: str | None
    namespace: str


class NoKubeconfig(Exception):
    pass


def read_access(said: str | None, context: str | None, cluster: str | None) -> Access:
    """`said`: what the provider's `kubeconfig` holds; nothing means $KUBECONFIG, then ~/.kube/config."""
    config, folder = _load(said or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config"))
    chosen = context or config.get("current-context") or ""
    try:
        entry = _named(config, "contexts", "context", chosen)
        server = _named(config, "clusters", "cluster", cluster or entry["cluster"])
        user = _named(config, "users", "user", entry["user"]) if entry.get("user") else {}
    except KeyError as missing:
        raise NoKubeconfig(f"the kubeconfig has no {missing.args[0]} (context {chosen!r})") from missing
    return Access(
        server=server["server"], verify=not server.get("insecure-skip-tls-verify", False),
        authority=_file(server, "certificate-authority", folder), token=_token(user, folder),
        certificate=_file(user, "client-certificate", folder), key=_file(user, "client-key", folder),
        namespace=entry.get("namespace") or "default",
    )  # fmt: skip


def _load(said: str) -> tuple[dict[str, Any], Path]:
    folder, text = Path(), said
    if "\n" not in said and not said.lstrip().startswith("{"):
        path = Path(said).expanduser()
        if not path.is_file():
            raise NoKubeconfig(f"there is no kubeconfig at {path}")
        folder, text = path.parent, path.read_text()
    try:
        return json.loads(text), folder
    except ValueError:
        import yaml

        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)), folder


def _named(config: dict[str, Any], many: str, one: str, name: str) -> dict[str, Any]:
    for item in config.get(many) or []:
        if item["name"] == name:
            return item.get(one) or {}
    raise KeyError(f"{one} {name!r}")


def _file(entry: dict[str, Any], name: str, folder: Path) -> str | None:
    if told := entry.get(f"{name}-data"):
        handle, path = tempfile.mkstemp(prefix="mlops-cluster-")
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64decode(told))
        atexit.register(Path(path).unlink, missing_ok=True)
        return path
    return str(folder / entry[name]) if entry.get(name) else None


def _token(user: dict[str, Any], folder: Path) -> str | None:
    if path := user.get("tokenFile"):
        return (folder / path).read_text().strip()
    return user.get("token")
