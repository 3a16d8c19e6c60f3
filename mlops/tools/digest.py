"""Know what files hold.

Lives here: Hashes, the md5 of files and folders as DVC computes them, remembered by size and times of change.
Not here: what a difference means.
Law: a file that was touched is read again; losing the memory costs time only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

_CHUNK = 1 << 20
_Computed = TypeVar("_Computed")


def listing_text(entries: list[dict[str, str]]) -> bytes:
    return json.dumps(entries, sort_keys=True).encode()


def of_listing(entries: list[dict[str, str]]) -> str:
    return hashlib.md5(listing_text(entries), usedforsecurity=False).hexdigest() + ".dir"


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


class Hashes:
    """The hashes of files, remembered in the file `memory`."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._dirty = False
        self._computed: dict[Hashable, Any] = {}
        try:
            self._known: dict[str, list[Any]] = json.loads(memory.read_bytes())
        except (OSError, ValueError):
            self._known = {}

    def file(self, path: Path) -> str:
        """Return the md5 of a file. Raises OSError."""
        return str(self._of(path, str(path), _md5))

    def remembered(self, path: Path, name: str, compute: Callable[[Path], list[str]]) -> list[str]:
        """Return what `compute` makes of a file, which must depend on its content alone. `name` says what that is. It is
        computed again once the module of `compute` is another: a newer version may make something else of the file."""
        made_by = self.file(Path(compute.__code__.co_filename))
        value: list[str] = self._of(path, f"{name} {path}", compute, made_by)
        return value

    def once(self, key: Hashable, compute: Callable[[], _Computed]) -> _Computed:
        """Return what was computed under this key before. It must depend on files alone that do not change while a process runs."""
        if key not in self._computed:
            self._computed[key] = compute()
        found: _Computed = self._computed[key]
        return found

    def _of(self, path: Path, key: str, compute: Callable[[Path], Any], made_by: str = "") -> Any:
        stat = path.stat()
        signature = f"{stat.st_size}:{stat.st_mtime_ns}:{stat.st_ctime_ns}:{stat.st_ino}:{made_by}"
        known = self._known.get(key)
        if known is None or known[0] != signature:
            known = self._known[key] = [signature, compute(path)]
            self._dirty = True
        return known[1]

    def tree(self, path: Path) -> str:
        """Return the md5 of a file; of a folder `MD5.dir`, the md5 of the sorted list of its files, as DVC writes
        it."""
        return self.file(path) if path.is_file() else of_listing(self.listing(path))

    def listing(self, folder: Path) -> list[dict[str, str]]:
        """Return {md5, relpath} of every file below the folder, sorted by path, as DVC keeps it. Raises OSError."""
        entries = []
        for at, _, names in os.walk(folder):
            for name in names:
                inside = os.path.join(at, name)
                relative = os.path.relpath(inside, folder).replace(os.sep, "/")
                entries.append({"md5": self.file(Path(inside)), "relpath": relative})
        return sorted(entries, key=lambda entry: entry["relpath"])

    def keep(self) -> None:
        """Write the hashes down; a failure costs only time."""
        if not self._dirty:
            return
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._memory.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(self._known))
            temporary.replace(self._memory)
            self._dirty = False
        except OSError:
            pass
