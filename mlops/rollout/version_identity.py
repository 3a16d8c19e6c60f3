"""Say what every target serves alike.

Lives here: version_key (what names a version), served_outputs, log_settings (the prediction log).
Not here: how a version runs (targets).
Law: two targets that serve the same thing call it the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlops.contracts.names import LOG_BODY, LOG_SIZE

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import Endpoint


def version_key(digest: str, log: Mapping[str, Any] | None, name: str) -> str:
    """Name a version by what it answers with, and by what only a restart could change."""
    identity = json.dumps([digest, log, name], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def served_outputs(key: str, package: Mapping[str, Any], stack: str) -> dict[str, Any]:
    """Return the outputs that say what an endpoint answers with."""
    return {
        "digest": key, "package_digest": package["digest"], "tag": package["tag"], "bento": package["bento"],
        "model": package["model"], "model_digest": package["model_digest"], "stack": stack,
    }  # fmt: skip


def log_settings(endpoint: Endpoint) -> dict[str, Any] | None:
    """Return {sample, flush, keep} of the prediction log, with its size and that of a body where they are not as usual; None where
    none is kept."""
    log = endpoint.log
    if not log.enabled:
        return None
    sizes = {"size": (log.size, LOG_SIZE), "body": (log.body, LOG_BODY)}
    said = {name: value for name, (value, usual) in sizes.items() if value != usual}
    return {"sample": log.sample, "flush": log.flush, "keep": log.keep, **said}
