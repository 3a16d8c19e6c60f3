"""Make each source a table that the SQL may name.

Lives here: open_sources, open_newest, the protocols Source, RemoteSource and VersionedSource with what they are given (Place), and explained, which
turns errors of DuckDB into sentences without secrets.
Not here: reading files (files), the SQL (prepare).
Law: a source whose content is not what the parameters pin is refused before it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import duckdb

from mlops.config.schema.by_name import unfit
from mlops.config.schema.dataset import Dataset
from mlops.config.schema.sources.source import SourceSpec
from mlops.errors import MlopsError
from mlops.extensions import SOURCES
from mlops.secret_values import SecretReader
from mlops.sources.source import FileDigests, fingerprint_of, remote_fingerprint_of, scheme_of
from mlops.workloads.data.sql_text import quoted
from mlops.workloads.stage import failed


@dataclass(frozen=True)
class Place:
    """Where a source is opened. `root`: the project's folder. `scratch`: a folder that is removed afterwards. `secrets`:
    fills `${secret:NAME}` in.

    `first`: so many rows are enough, since only names and types are wanted; a source that gives all of them costs time only.
    """

    root: Path
    scratch: Path
    secrets: SecretReader
    first: int | None = None

    @classmethod
    def of(cls, root: Path, scratch: Path, *, first: int | None = None) -> Place:
        """Return a place with the secrets of the project."""
        return cls(root, scratch, SecretReader(root / ".mlops" / "secrets"), first)


class Source(Protocol):
    """What a scheme registers in `mlops.sources`: a class without arguments."""

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: Any, place: Place) -> None:
        """Make the table `table_name` in `connection`: no view of a file, since files are closed to the SQL.

        `spec`: what the data set says of the source, an object of the model in `mlops.sources.schema`. Raises MlopsError, or
        an error of DuckDB, where it cannot be read.
        """


class RemoteSource(Source, Protocol):
    """What a scheme registers there whose fingerprint is a mlops.sources.source.RemoteFingerprint.

    One object serves one source, once: `fingerprint`, then perhaps `open`, then `close`. So that what is read is what was
    fingerprinted, it may keep a transaction, or the version that it saw.
    """

    def fingerprint(self, spec: Any, place: Place) -> str:
        """Return a text that differs where the content differs. Raises MlopsError, or an error of DuckDB, where the source
        is not there or cannot be reached."""

    def close(self) -> None:
        """Give back what it holds, such as connections."""


@runtime_checkable
class VersionedSource(Protocol):
    """What a scheme registers there in place of a Source, where what is named keeps its versions: the pinned one is read,
    though there be newer ones. A mlops.sources.source.Fingerprint names the newest."""

    def open_version(
        self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: Any, place: Place, pinned: str
    ) -> None:
        """Make the table of the version that the fingerprint `pinned` names. Raises MlopsError where it is no longer there."""


def open_sources(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, section: Mapping[str, Any], place: Place
) -> int:
    """Open every source of a data set, and return the number of rows of the largest.

    `section`: the parameters of the stage, which pin the sources. Raises MlopsError.
    """
    largest = 0
    for name, spec in dataset.sources.items():
        pinned = section["fingerprint"].get(name)
        with explained(f"`{spec.uri}` (source {name})", place):
            opener = SOURCES.load(scheme_of(spec.uri))()
            if isinstance(opener, VersionedSource):
                opener.open_version(connection, name, spec, place, str(pinned))
            elif remote_fingerprint_of(section["sources"][name]) is None:
                found = fingerprint_of(section["sources"][name], root=place.root, digests=FileDigests())
                _check_pinned(name, spec, pinned=pinned, found=found)
                opener.open(connection, name, spec, place)
            else:
                with closing(opener):
                    _check_pinned(name, spec, pinned=pinned, found=opener.fingerprint(spec, place))
                    opener.open(connection, name, spec, place)
            largest = max(largest, _count(connection, name, spec.uri))
    return largest


def open_newest(connection: duckdb.DuckDBPyConnection, table_name: str, spec: SourceSpec, place: Place) -> None:
    """Make the table of a source as it is now, whatever is pinned. Raises MlopsError where it cannot be read."""
    with explained(f"`{spec.uri}` (source {table_name})", place), ExitStack() as stack:
        opener = SOURCES.load(scheme_of(spec.uri))()
        source = spec.model_dump(mode="json", exclude_defaults=True)
        if isinstance(opener, VersionedSource):
            newest = fingerprint_of(source, root=place.root, digests=FileDigests())
            opener.open_version(connection, table_name, spec, place, newest)
            return
        if remote_fingerprint_of(source) is not None:
            stack.enter_context(closing(opener))
        opener.open(connection, table_name, spec, place)


def remote_fingerprint(spec: SourceSpec, place: Place) -> str:
    """Return the fingerprint of a remote source. Raises MlopsError where it is not there or cannot be reached."""
    with explained(f"`{spec.uri}`", place), closing(SOURCES.load(scheme_of(spec.uri))()) as reader:
        found = reader.fingerprint(spec, place)
        if not isinstance(found, str):
            raise unfit(SOURCES, scheme_of(spec.uri), "its fingerprint is no text")
        return found


@contextmanager
def explained(where: str, place: Place) -> Iterator[None]:
    """Turn errors of DuckDB into sentences that begin with `where`; no error that leaves holds a secret."""
    try:
        yield
    except MlopsError as error:
        raise place.secrets.masked(error) from None
    except duckdb.Error as error:
        raise failed("source cannot be read", f"{where}: {place.secrets.mask(str(error).strip())}") from None


def _check_pinned(name: str, spec: SourceSpec, *, pinned: str | None, found: str) -> None:
    if found != pinned:
        raise failed(
            "source is not the pinned one",
            f"`{spec.uri}` (source {name}) has another content than params/ pins. Run `mlops render`, and look at "
            "the plan.",
        )


def _count(connection: duckdb.DuckDBPyConnection, name: str, uri: str) -> int:
    try:
        rows = connection.sql(f"SELECT count(*) FROM {quoted(name)}").fetchall()  # noqa: S608
    except duckdb.CatalogException as error:
        raise unfit(SOURCES, scheme_of(uri), f"it made no table `{name}` of `{uri}`") from error
    count = int(rows[0][0])
    if count == 0:
        raise failed("empty source", f"`{uri}` (source {name}) has no rows. Restore it, or name another in `uri`.")
    return count
