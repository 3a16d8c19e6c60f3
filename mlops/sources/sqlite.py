"""Find SQLite files.

Lives here: locate and fingerprint.
Not here: reading them (workloads.data.sources.sqlite).
Law: what was written and not yet merged into the file (its -wal) counts too.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.sources.files import there_or_raise
from mlops.sources.source import Digests

_SCHEME = "sqlite://"


def locate(uri: str, root: Path) -> Path:
    """Return the file. Raises MlopsError where there is none."""
    return there_or_raise(uri, root.absolute() / uri.removeprefix(_SCHEME))


def fingerprint(source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
    """Return the digest of the file's bytes, and of its write-ahead log where that holds something. Raises MlopsError,
    OSError."""
    path = locate(source["uri"], root)
    log = path.with_name(f"{path.name}-wal")
    found = digests.file(path)
    return f"{found}-{digests.file(log)}" if log.is_file() and log.stat().st_size else found
