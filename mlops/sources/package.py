"""Find a file of an installed package.

Lives here: locate and fingerprint.
Not here: files of the project (file).
Law: nothing is imported to find a package's file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.sources.file import there_or_raise
from mlops.sources.source import Digests

_SCHEME = "package://"


def locate(uri: str, root: Path) -> Path:
    """Return where the file lies. Raises MlopsError where the package, or the file in it, is not installed."""
    name, _, inside = uri.removeprefix(_SCHEME).partition("/")
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise MlopsError.of(
            "source not found", f"`{uri}` is a file of the package {name}, which is not installed. Install it."
        )
    return there_or_raise(uri, Path(next(iter(found.submodule_search_locations))) / inside)


def fingerprint(source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
    """Return the digest of the file's bytes. Raises MlopsError, OSError."""
    return digests.file(locate(source["uri"], root))
