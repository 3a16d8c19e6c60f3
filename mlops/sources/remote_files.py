"""Find files that lie behind an address, by their keys.

Lives here: RemoteFile, fingerprint_of_files, pattern_of, chosen_files, and FINGERPRINT.
Not here: asking a server or a store (workloads.data.sources), files of this machine (files).
Law: what is chosen, and in which order, depends on the keys alone; the same tags and sizes are the same fingerprint.
"""

from __future__ import annotations

import fnmatch
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from mlops.errors import MlopsError
from mlops.sources.files import file_format
from mlops.sources.source import RemoteFingerprint

_MAGIC = re.compile(r"[*?\[]")
FINGERPRINT = RemoteFingerprint(asks_always=lambda source: True)
"""Each plan asks: sizes and tags cost one request, or one for each thousand files."""


@dataclass(frozen=True)
class RemoteFile:
    """One file. `key`: its path, `/` between the parts. `tag`: a text that its server gives another of when the content
    changes: an ETag, or the time of the last change."""

    key: str
    size: int
    tag: str


def fingerprint_of_files(files: Iterable[RemoteFile]) -> str:
    """Return the digest of the keys, sizes and tags."""
    lines = "".join(f"{file.tag} {file.size} {file.key}\n" for file in files)
    return hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest()


def is_glob(key: str) -> bool:
    """Say whether a key is a pattern, such as `raw/**/*.csv`."""
    return _MAGIC.search(key) is not None


def folder_of(key: str) -> str:
    """Return the part of a folder's or pattern's key that is no pattern, with `/` at its end; empty for the top."""
    parts = key.split("/")
    first = next((n for n, part in enumerate(parts) if is_glob(part)), len(parts))
    folder = "/".join(parts[:first]).strip("/")
    return f"{folder}/" if folder else ""


def chosen_files(files: Iterable[RemoteFile], key: str, *, format: str | None) -> list[RemoteFile]:
    """Return the files that a folder or a pattern means, sorted: none that is hidden, and no marker such as `_SUCCESS`.

    `format`: which files of a folder count; `text` is every one, None those of a format that is known. Raises MlopsError for
    a key that is no path.
    """
    folder = folder_of(key)
    shape = _shape(key) if is_glob(key) else None
    found = [file for file in files if not file.key.endswith("/") and _is_visible(file.key.removeprefix(folder))]
    if shape is not None:
        found = [file for file in found if shape.fullmatch(file.key)]
    elif format != "text":
        of_format = [file for file in found if _counts(file.key, format)]
        found = of_format or (found if format else [])
    return sorted((with_path(file) for file in found), key=lambda file: file.key)


def with_path(file: RemoteFile) -> RemoteFile:
    """Return the file. Raises MlopsError where its key is no path below a folder."""
    if any(part in ("", ".", "..") for part in file.key.split("/")):
        raise MlopsError.of(
            "source cannot be read",
            f"The key `{file.key}` has a part that is empty, `.` or `..`, so it is no path. Rename it, or name a folder or "
            "pattern without it.",
        )
    return file


def _counts(key: str, format: str | None) -> bool:
    kind = file_format(key)
    return kind is not None if format is None else kind == format


def _is_visible(key: str) -> bool:
    return not any(part.startswith((".", "_")) and "=" not in part for part in key.split("/"))


def _shape(pattern: str) -> re.Pattern[str]:
    """Return a regular expression for the keys that a pattern matches; `**` stands for folders, however many."""
    parts = []
    for part in pattern.strip("/").split("/"):
        if part == "**":
            parts.append("(?:[^/]+/)*")
        else:
            inside = fnmatch.translate(part).removeprefix("(?s:").removesuffix(r")\Z").replace(".*", "[^/]*")
            parts.append(f"{inside}/")
    return re.compile("".join(parts).removesuffix("/"))
