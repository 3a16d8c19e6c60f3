"""Find the versions of Delta tables.

Lives here: locate, fingerprint, and version_of, the version that a fingerprint names.
Not here: reading the rows (workloads.data.sources.delta).
Law: a version is its number and the bytes of its commit, so that a table that was made anew is another.
Format: https://github.com/delta-io/delta/blob/master/PROTOCOL.md, "Delta Log Entries".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.sources.source import Digests

_SCHEME = "delta://"
_COMMIT = re.compile(r"(\d{20})\.json")


def locate(uri: str, root: Path) -> Path:
    """Return the folder of the table. Raises MlopsError where there is none."""
    folder = root.absolute() / uri.removeprefix(_SCHEME)
    if not (folder / "_delta_log").is_dir():
        raise MlopsError.of(
            "source not found", f"`{uri}` is no Delta table: {folder} holds no folder `_delta_log`. Correct `uri`."
        )
    return folder


def fingerprint(source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
    """Return number and digest of the newest version. Raises MlopsError, OSError."""
    folder = locate(source["uri"], root)
    names = (_COMMIT.fullmatch(path.name) for path in (folder / "_delta_log").iterdir())
    newest = max((int(found[1]) for found in names if found), default=None)
    if newest is None:
        raise MlopsError.of(
            "empty source", f"`{source['uri']}` has no version: {folder / '_delta_log'} holds no commit."
        )
    return _fingerprint_of(folder, newest, digests)


def version_of(fingerprint: str, uri: str, *, root: Path, digests: Digests) -> int:
    """Return the number of the version that the fingerprint names. Raises MlopsError where the table no longer has it."""
    folder = locate(uri, root)
    number = fingerprint.partition("-")[0]
    try:
        if number.isdigit() and _fingerprint_of(folder, int(number), digests) == fingerprint:
            return int(number)
    except OSError:
        pass
    raise MlopsError.of(
        "source is not the pinned one",
        f"`{uri}` no longer has version {number}, which params/ pins, or has another of that number. Run `mlops render`, and "
        "look at the plan.",
    )


def _fingerprint_of(folder: Path, version: int, digests: Digests) -> str:
    return f"{version}-{digests.file(folder / '_delta_log' / f'{version:020}.json')}"
