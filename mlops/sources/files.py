"""Find the files of a source.

Lives here: SourceFiles, found_files, which resolves a file, a folder or a pattern, file_format, and the digest of what was found.
Not here: where a scheme's paths begin (file, package), reading (workloads.data.sources).
Law: the same files in the same order on every machine; nothing above the base, such as where the project lies, plays a part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from mlops.errors import MlopsError
from mlops.sources.source import Digests

_ENDINGS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".pq": "parquet", ".json": "json", ".jsonl": "json",
            ".ndjson": "json", ".xlsx": "excel", **dict.fromkeys((".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif",
            ".tiff", ".ppm", ".pgm"), "image")}  # fmt: skip
_PACKED = (".gz", ".zip")
_MAGIC = frozenset("*?[")
_WRITTEN_BY_PREPARE = ("schema.json", "profile.json")
_NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class SourceFiles:
    """What a uri names. `base`: the folder that paths are relative to. `paths`: in the order in which they are read.

    `is_one`: the uri names one file, rather than a folder or a pattern.
    """

    base: Path
    paths: tuple[Path, ...]
    is_one: bool

    def relative(self, path: Path) -> str:
        """Return the path from the base, with `/` between its parts."""
        return path.relative_to(self.base).as_posix()

    def partition(self, path: Path) -> dict[str, str | None]:
        """Return what the folders KEY=VALUE of a path say; None is a missing value."""
        pairs = (part.partition("=") for part in path.relative_to(self.base).parts[:-1])
        return {
            unquote(key): None if value == _NO_VALUE else unquote(value)
            for key, separator, value in pairs
            if separator and key
        }


def format_in_folders(source: Mapping[str, Any]) -> str | None:
    """Return which files of a folder count: those of a format, with `pattern` every one (`text`), else all of known formats."""
    return "text" if source.get("pattern") is not None else source.get("format")


def file_format(name: str) -> str | None:
    """Return the format that a file's ending says, packed or not; None where it says none."""
    path = Path(name)
    while path.suffix in _PACKED:
        path = Path(path.stem)
    found = _ENDINGS.get(path.suffix.lower())
    return found if found == "image" or path.suffix in _ENDINGS else None


def found_files(uri: str, path: Path, base: Path, *, format: str | None = None) -> SourceFiles:
    """Return the files that `path` names, sorted: it is a file, a folder, or a pattern such as `data/*.csv`.

    `base`: the folder in which the uri begins. `format`: of the files in a folder, where their endings do not say it.
    Raises MlopsError where there are none.
    """
    if path.is_file():
        return SourceFiles(base if path.is_relative_to(base) else path.parent, (path,), True)
    if path.is_dir():
        start, found = path, _of_format(_visible(path, path.rglob("*")), format)
    elif _MAGIC & set(uri):
        start, pattern = _split(path, base)
        found = list(_visible(start, start.glob(pattern)))
    else:
        return SourceFiles(base, (there_or_raise(uri, path),), True)
    if not found:
        what = "is a folder without files of a format that is known" if path.is_dir() else "matches no file"
        raise MlopsError.of("source not found", f"`{uri}` {what}; it was looked for at {path}. Put the files there, or "
                            "correct `uri`.")  # fmt: skip
    base = base if start.is_relative_to(base) else start
    return SourceFiles(base, tuple(sorted(found, key=lambda one: one.relative_to(base).as_posix())), False)


def there_or_raise(uri: str, path: Path) -> Path:
    """Return `path`. Raises MlopsError where it is no file."""
    if not path.is_file():
        raise MlopsError.of("source not found", f"`{uri}` does not exist; it was looked for at {path}. Put the "
                            "file there, or correct `uri`.")  # fmt: skip
    return path


def digest_of(files: SourceFiles, digests: Digests) -> str:
    """Return the digest of one file's bytes, or of the names and digests of many. Raises OSError."""
    if files.is_one:
        return digests.file(files.paths[0])
    lines = "".join(f"{digests.file(path)} {files.relative(path)}\n" for path in files.paths)
    return hashlib.md5(lines.encode(), usedforsecurity=False).hexdigest()


def _split(path: Path, base: Path) -> tuple[Path, str]:
    """Return the folder before the first part that is a pattern, and the pattern from there."""
    inside = base if path.is_relative_to(base) else Path(path.anchor)
    parts = path.relative_to(inside).parts
    first = next(n for n, part in enumerate(parts) if _MAGIC & set(part))
    return inside.joinpath(*parts[:first]), "/".join(parts[first:])


def _visible(start: Path, paths: Iterable[Path]) -> Iterable[Path]:
    """Yield the files that are data: not hidden, no marker such as `_SUCCESS`, and nothing that a data set wrote."""
    written: dict[Path, bool] = {}
    for path in paths:
        parts = path.relative_to(start).parts
        if not path.is_file() or any(part.startswith((".", "_")) and "=" not in part for part in parts):
            continue
        folders = [start.joinpath(*parts[:n]) for n in range(1, len(parts))]
        for folder in folders:
            if folder not in written:
                written[folder] = all((folder / name).is_file() for name in _WRITTEN_BY_PREPARE)
        if not any(written[folder] for folder in folders):
            yield path


def _of_format(paths: Iterable[Path], wanted: str | None) -> list[Path]:
    every = list(paths)
    if wanted is None:
        known = [path for path in every if file_format(path.name)]
        return [path for path in known if file_format(path.name) != "image"] or known
    return [path for path in every if file_format(path.name) == wanted] or every
