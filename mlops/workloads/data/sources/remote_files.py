"""Read files that lie behind an address as if they lay here.

Lives here: RemoteFilesReader, which finds them, fetches what is not in the cache yet and opens them; the protocol Server.
Not here: one server's way to list and fetch (http, objects), which files are meant (mlops.sources.remote_files).
Law: the bytes that are read are those that were fingerprinted; a file that is in the cache is not fetched again, and only the
newest content of each is kept.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Protocol

import duckdb

from mlops.config.schema.sources.source import FileSpec
from mlops.sources.files import SourceFiles
from mlops.sources.remote_files import RemoteFile, fingerprint_of_files
from mlops.workloads.data.sources.files import read_source_files
from mlops.workloads.data.sources.source import Place
from mlops.workloads.stage import failed

CACHE = Path(".mlops") / "cache" / "sources"
_AT_ONCE = 8


class Server(Protocol):
    """What files are asked of. `identity`: what tells it from others, without secrets."""

    identity: str

    def files(self) -> list[RemoteFile]:
        """Return what the uri names, in the order in which it is read. Raises MlopsError where nothing is there."""

    def fetch(self, file: RemoteFile, path: Path) -> None:
        """Write the file's bytes to `path`. Raises MlopsError where it is not the file that was found any more."""


class RemoteFilesReader:
    """Reads the files of one source. A subclass says which server they lie on."""

    _server: Server | None = None
    _files: list[RemoteFile] | None = None

    def server(self, spec: Any, place: Place) -> Server:
        """Return the server. Raises MlopsError."""
        raise NotImplementedError

    def fingerprint(self, spec: FileSpec, place: Place) -> str:
        return fingerprint_of_files(self._found(spec, place))

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: FileSpec, place: Place) -> None:
        files = self._found(spec, place)
        assert self._server is not None
        server = self._server
        folder = place.root / CACHE / hashlib.sha256(server.identity.encode()).hexdigest()[:16]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            cached = list(pool.map(lambda file: _cached(server, file, folder), files))
        base = Path(mkdtemp(dir=place.scratch))
        paths = tuple(_linked(base / file.key, path) for file, path in zip(files, cached, strict=True))
        read_source_files(
            connection, table_name, spec, SourceFiles(base, paths, False), scratch=place.scratch, first=place.first
        )

    def close(self) -> None:
        """Hold nothing."""

    def _found(self, spec: FileSpec, place: Place) -> list[RemoteFile]:
        if self._files is None:
            self._server = self.server(spec, place)
            self._files = self._server.files()
        return self._files


def _cached(server: Server, file: RemoteFile, folder: Path) -> Path:
    """Return the file of the cache that holds these bytes."""
    name = hashlib.sha256(file.key.encode()).hexdigest()[:32]
    path = folder / f"{name}-{hashlib.sha256(f'{file.tag} {file.size}'.encode()).hexdigest()[:16]}"
    if path.is_file() and path.stat().st_size == file.size:
        return path
    folder.mkdir(parents=True, exist_ok=True)
    with _temporary(folder / f".{name}.{os.getpid()}") as temporary:
        server.fetch(file, temporary)
        if temporary.stat().st_size != file.size:
            raise moved(file.key)
        temporary.replace(path)
    for older in folder.glob(f"{name}-*"):
        if older != path:
            older.unlink(missing_ok=True)
    return path


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _linked(link: Path, path: Path) -> Path:
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(path.absolute())
    return link


def moved(key: str) -> Exception:
    """Return the error of a file that changed between the look at it and its reading."""
    return failed(
        "source moved while it was read",
        f"{key} was changed while it was fetched, so what came is neither the one nor the other. Apply again.",
    )


def missing(uri: str, what: str) -> Exception:
    """Return the error of a source that is not there."""
    return failed("source not found", f"`{uri}` {what}. Put it there, or correct `uri`.")


def source_unreachable(uri: str, where: str, why: object) -> Exception:
    """Return the error of a server that does not answer."""
    return failed(
        "source cannot be reached",
        f"`{uri}`: {where} does not answer as it should: {why}. Check the address and the network, then plan again.",
    )


def refused(uri: str, where: str, advice: str) -> Exception:
    """Return the error of a server that does not let us in."""
    return failed("source cannot be read", f"`{uri}`: {where} does not let us read it. {advice}")
