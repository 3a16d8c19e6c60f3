"""Pin a source by its content.

Lives here: fingerprint_of, for a source of any scheme, the protocols Fingerprint and Digests, RemoteFingerprint, and
FileDigests.
Not here: how one scheme finds what it names (the other files of this room), asking what is remote (context.sources).
Law: equal contents have equal fingerprints, on every machine; a source that cannot be read is an MlopsError.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlops.errors import MlopsError
from mlops.extensions import SOURCE_FINGERPRINTS

_CHUNK = 1 << 20


class Digests(Protocol):
    """Something that digests files, and may remember what it read before."""

    def file(self, path: Path) -> str:
        """Return the md5 of the file's bytes. Raises OSError."""


class Fingerprint(Protocol):
    """What a scheme registers in `mlops.sources.fingerprint`, where a look at files is enough to tell."""

    def __call__(self, source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
        """Return a text that differs where the content differs.

        `source`: what the data set says of it, `uri` and the other fields that differ from their defaults. `root`: the
        project's folder. Raises MlopsError, or OSError where a file cannot be read.
        """


@dataclass(frozen=True)
class RemoteFingerprint:
    """What a scheme registers in its place, where only its reader can tell: it takes a network, secrets, or DuckDB.

    The reader is then a workloads.data.sources.source.RemoteSource. It is asked in a process of its own, and its answer
    is remembered (context.sources) until `--refresh-data`. `asks_always`: whether each plan asks for this source, because
    what is asked is cheap.
    """

    asks_always: Callable[[Mapping[str, Any]], bool] = lambda source: False


def scheme_of(uri: str) -> str:
    """Return the scheme of a uri, `file` for a path without one."""
    scheme, separator, _ = uri.partition("://")
    return scheme if separator else "file"


def remote_fingerprint_of(source: Mapping[str, Any]) -> RemoteFingerprint | None:
    """Return how a remote source is fingerprinted; None where a look at files is enough. Raises MlopsError."""
    found = SOURCE_FINGERPRINTS.load(scheme_of(source["uri"]))
    return found if isinstance(found, RemoteFingerprint) else None


def fingerprint_of(source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
    """Return the fingerprint of the content of a source that is not remote. Raises MlopsError where it is not there or
    cannot be read."""
    scheme = scheme_of(source["uri"])
    fingerprint: Fingerprint = SOURCE_FINGERPRINTS.load(scheme)
    try:
        found = fingerprint(source, root=root, digests=digests)
    except OSError as error:
        where = error.filename or source["uri"]
        raise MlopsError.of("source cannot be read", f"{where}: {error.strerror}. Make it readable for you.") from error
    if not isinstance(found, str):
        raise MlopsError.of(
            "plug-in does not fit",
            f"{SOURCE_FINGERPRINTS.package(scheme) or 'mlops'} brings the data source {scheme}: its fingerprint is no text. "
            "Correct or uninstall that package.",
        )
    return found


class FileDigests:
    """Reads every file anew."""

    def file(self, path: Path) -> str:
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()
