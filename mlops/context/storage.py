"""Know where outputs are kept.

Lives here: declared_remote: `storage:` of the project as DVC understands it.
Not here: exchanging anything (tools.dvc.remote), what `storage:` may say (config.schema.storage).
Law: a secret is read when it is needed, and is never part of a setting.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.context.secrets import fill
from mlops.tools.dvc.remote import DeclaredRemote

if TYPE_CHECKING:
    from mlops.config.schema.storage import StorageSettings

_OPTIONS = {"endpoint_url": "endpointurl", "region": "region", "profile": "profile"}
_VARIABLES = {
    "access_key_id": "AWS_ACCESS_KEY_ID", "secret_access_key": "AWS_SECRET_ACCESS_KEY", "session_token": "AWS_SESSION_TOKEN",
}  # fmt: skip


def declared_remote(root: Path, storage: StorageSettings | None, secrets: Path) -> DeclaredRemote | None:
    """Return what `storage` declares; None where it declares nothing. `secrets`: the folder with their files."""
    if not storage:
        return None
    url = storage.remote if "://" in storage.remote else str((root / Path(storage.remote).expanduser()).resolve())
    options = {name: value for field, name in _OPTIONS.items() if (value := getattr(storage, field))}

    def credentials() -> Mapping[str, str]:
        wanted = {field: value for field in _VARIABLES if (value := getattr(storage, field))}
        return {_VARIABLES[field]: fill(value, secrets, field=f"storage.{field}") for field, value in wanted.items()}

    return DeclaredRemote(url, options, credentials)
