"""Find the file that a source names.

Lives here: locate, for paths of the project and files of installed packages, and fingerprint.
Not here: reading it (workloads).
Law: nothing is imported to find a package's file.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from mlops.errors import MlopsError

PACKAGE = "package://"
_CHUNK = 1 << 20


def locate(uri: str, root: Path) -> Path:
    """Raises MlopsError where there is no such file, or it may not be read."""
    if uri.startswith(PACKAGE):
        name, _, inside = uri.removeprefix(PACKAGE).partition("/")
        try:
            found = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            found = None
        if found is None or not found.submodule_search_locations:
            raise MlopsError.of(
                "source not found", f"`{uri}` is a file of the package {name}, which is not installed. Install it."
            )
        path = Path(next(iter(found.submodule_search_locations))) / inside
    elif "://" in uri:
        scheme = uri.partition("://")[0]
        raise MlopsError.of(
            "unknown source", f"`{uri}`: {scheme}:// is not read yet; use a file's path or {PACKAGE}NAME/PATH."
        )
    else:
        path = root / uri
    if not path.is_file():
        raise MlopsError.of("source not found", f"`{uri}` does not exist; it was looked for at {path}. Put the "
                            "file there, or correct `uri`.")  # fmt: skip
    return path


def fingerprint(path: Path) -> str:
    """The md5 of the file's bytes. Raises MlopsError where it cannot be read."""
    digest = hashlib.md5(usedforsecurity=False)
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise MlopsError.of("source cannot be read", f"{path}: {error.strerror}. Make it readable for you.") from error
    return digest.hexdigest()
