"""Find files of the project.

Lives here: locate and fingerprint.
Not here: files of packages (package), folders and patterns (files).
Law: a path is relative to the project, whatever the working folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.sources.files import SourceFiles, digest_of, format_in_folders, found_files, there_or_raise
from mlops.sources.source import Digests

__all__ = ["fingerprint", "locate", "there_or_raise"]
_SCHEME = "file://"


def locate(uri: str, root: Path, *, format: str | None = None) -> SourceFiles:
    """Return the files. `format`: of the files in a folder. Raises MlopsError where there are none."""
    base = root.absolute()
    return found_files(uri, base / uri.removeprefix(_SCHEME), base, format=format)


def fingerprint(source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
    """Return the digest of the files' names and bytes, of one file its bytes alone. Raises MlopsError, OSError."""
    return digest_of(locate(source["uri"], root, format=format_in_folders(source)), digests)
