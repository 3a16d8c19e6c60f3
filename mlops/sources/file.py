"""Find a file of the project.

Lives here: locate and fingerprint, and there_or_raise.
Not here: files of packages (package).
Law: a path is relative to the project, whatever the working folder.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.sources.source import Digests

_SCHEME = "file://"


def locate(uri: str, root: Path) -> Path:
    """Return where the file lies. Raises MlopsError where there is no such file."""
    return there_or_raise(uri, root / uri.removeprefix(_SCHEME))


def there_or_raise(uri: str, path: Path) -> Path:
    """Return `path`. Raises MlopsError where it is no file."""
    if not path.is_file():
        raise MlopsError.of("source not found", f"`{uri}` does not exist; it was looked for at {path}. Put the "
                            "file there, or correct `uri`.")  # fmt: skip
    return path


def fingerprint(source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
    """Return the digest of the file's bytes. Raises MlopsError, OSError."""
    return digests.file(locate(source["uri"], root))
