"""Say what every target serves alike.

Lives here: key_of (what names a version), what_serves (outputs), log_of (the prediction log).
Not here: how a version runs (the targets).
Law: two targets that serve the same thing call it the same.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

_LOG: Mapping[str, Any] = {"enabled": True, "sample": "100%", "flush": "1s", "keep": "1w"}


def key_of(digest: str, log: Mapping[str, Any] | None, name: str) -> str:
    """Names a version by what it answers with, and by what only a restart could change."""
    identity = json.dumps([digest, log, name], sort_keys=True)
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def what_serves(key: str, package: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The outputs that say what an endpoint answers with."""
    return {
        "digest": key, "package_digest": package["digest"], "tag": package["tag"], "bento": package["bento"],
        "model": package["model"], "model_digest": package["model_digest"], "stack": inputs["stack"],
    }  # fmt: skip


def log_of(inputs: Mapping[str, Any]) -> dict[str, Any] | None:
    """{sample, flush, keep} as numbers; None where no log is kept."""
    from mlops.config.schema.units import parse_duration, parse_share

    told = {**_LOG, **inputs.get("log", {})}
    if not told["enabled"]:
        return None
    return {
        "sample": parse_share(told["sample"]),
        "flush": parse_duration(told["flush"]),
        "keep": parse_duration(told["keep"]),
    }
