"""Find files of an installed package.

Lives here: locate and fingerprint.
Not here: files of the project (file), folders and patterns (files).
Law: nothing is imported to find a package's file.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.sources.files import SourceFiles, digest_of, format_in_folders, found_files
from mlops.sources.source import Digests

_SCHEME = "package://"


def locate(uri: str, root: Path, *, format: str | None = None) -> SourceFiles:
    """Return the files. Raises MlopsError where the package, or what is named in it, is not installed."""
    name, _, inside = uri.removeprefix(_SCHEME).partition("/")
    try:
        found = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        found = None
    if found is None or not found.submodule_search_locations:
        raise MlopsError.of(
            "source not found", f"`{uri}` is a file of the package {name}, which is not installed. Install it."
        )
    base = Path(next(iter(found.submodule_search_locations))).absolute()
    return found_files(uri, base / inside, base, format=format)


def fingerprint(source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
    """Return the digest of the files' names and bytes, of one file its bytes alone. Raises MlopsError, OSError."""
    return digest_of(locate(source["uri"], root, format=format_in_folders(source)), digests)
