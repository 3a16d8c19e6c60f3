"""Keep outputs where DVC keeps them.

Lives here: Cache, DVC's cache of objects (files/md5) and of runs (runs), in its own formats.
Not here: dvc.lock (lockfile), running anything (execute).
Law: an object is complete or not there; one that is no longer read-only is not trusted.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.tools.digest import Hashes, listing_text
from mlops.tools.dvc import yaml12

_READ_ONLY = 0o444
_UNHASHED = ("size", "nfiles")


class Cache:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / ".dvc" / "cache"
        self.objects = self.home / "files" / "md5"
        self.runs = self.home / "runs"

    def path(self, md5: str) -> Path:
        return self.objects / md5[:2] / md5[2:]

    def has(self, md5: str) -> bool:
        """Say whether an object is there; of a folder, with everything in it."""
        if not self._trusted(md5):
            return False
        return not md5.endswith(".dir") or all(self._trusted(entry["md5"]) for entry in self._listing(md5))

    def put(self, path: Path, hashes: Hashes) -> None:
        """Put a file, or a folder with all files in it, into the cache."""
        if path.is_file():
            self._put_file(path, hashes.file(path))
            return
        entries = hashes.listing(path)
        for entry in entries:
            self._put_file(path / entry["relpath"], entry["md5"])
        text = listing_text(entries)
        md5 = hashlib.md5(text, usedforsecurity=False).hexdigest() + ".dir"
        if not self._trusted(md5):
            self._write(md5, text)

    def get(self, md5: str, path: Path) -> None:
        """Make `path` what the object is, by copying, so that the object stays as it is."""
        remove(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not md5.endswith(".dir"):
            shutil.copyfile(self.path(md5), path)
            return
        path.mkdir()
        for entry in self._listing(md5):
            inside = path / entry["relpath"]
            inside.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.path(entry["md5"]), inside)

    def keep_run(self, entry: Mapping[str, Any]) -> None:
        """Remember a run of a stage. `entry`: what dvc.lock says of the stage."""
        folder = self._run(entry)
        run = dict(entry)
        path = folder / _sha256(run)
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            temporary = folder.parent / f".{uuid.uuid4().hex}"
            temporary.write_text(yaml12.dumps(run))
            temporary.replace(path)

    def past_run(self, wanted: Mapping[str, Any]) -> dict[str, Any] | None:
        """Return what the newest run with this command, these dependencies and these parameters made. `wanted`: an
        entry of dvc.lock whose outputs have only their paths. None where there was no such run, or its outputs are
        gone."""
        folder = self._run(wanted)
        try:
            newest = max(folder.iterdir(), key=lambda path: path.stat().st_mtime)
            run: dict[str, Any] = yaml12.loads(newest.read_text())
            paths = [out["path"] for out in run["outs"]]
            is_whole = all(self.has(out["md5"]) for out in run["outs"])
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return run if is_whole and paths == [out["path"] for out in wanted["outs"]] else None

    def _run(self, entry: Mapping[str, Any]) -> Path:
        key = _sha256({**entry, "outs": [out["path"] for out in entry.get("outs", ())]})
        return self.runs / key[:2] / key

    def _listing(self, md5: str) -> list[dict[str, str]]:
        entries: list[dict[str, str]] = json.loads(self.path(md5).read_bytes())
        return entries

    def _trusted(self, md5: str) -> bool:
        try:
            return self.path(md5).stat().st_mode & 0o777 == _READ_ONLY
        except OSError:
            return False

    def _put_file(self, path: Path, md5: str) -> None:
        if not self._trusted(md5):
            temporary = self._temporary(md5)
            shutil.copyfile(path, temporary)
            self._finish(temporary, md5)

    def _write(self, md5: str, content: bytes) -> None:
        temporary = self._temporary(md5)
        temporary.write_bytes(content)
        self._finish(temporary, md5)

    def _temporary(self, md5: str) -> Path:
        target = self.path(md5)
        target.parent.mkdir(parents=True, exist_ok=True)
        return target.with_name(f".{uuid.uuid4().hex}")

    def _finish(self, temporary: Path, md5: str) -> None:
        temporary.chmod(_READ_ONLY)
        temporary.replace(self.path(md5))


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_of(path: Path) -> tuple[int, int | None]:
    """Return the size in bytes, and the number of files of a folder."""
    if path.is_file():
        return path.stat().st_size, None
    sizes = [os.stat(os.path.join(at, name)).st_size for at, _, names in os.walk(path) for name in names]
    return sum(sizes), len(sizes)


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(_hashed(value), sort_keys=True).encode()).hexdigest()


def _hashed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _hashed(inner) for key, inner in value.items() if key not in _UNHASHED}
    return [_hashed(inner) for inner in value] if isinstance(value, list) else value
