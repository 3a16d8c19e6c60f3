"""Make each source a table that the SQL may name.

Lives here: open_sources, and the protocol Source with what it is given (Place).
Not here: reading files (files), the SQL (prepare).
Law: a source whose content is not what the parameters pin is refused before it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import duckdb

from mlops.config.schema.by_name import unfit
from mlops.config.schema.dataset import Dataset
from mlops.extensions import SOURCES
from mlops.sources.source import FileDigests, fingerprint_of, scheme_of
from mlops.workloads.data.sources.files import quoted
from mlops.workloads.stage import failed


@dataclass(frozen=True)
class Place:
    """Where a source is opened. `root`: the project's folder. `scratch`: a folder that is removed afterwards.

    `first`: so many rows are enough, since only names and types are wanted; a source that gives all of them costs time only.
    """

    root: Path
    scratch: Path
    first: int | None = None


class Source(Protocol):
    """What a scheme registers in `mlops.sources`: a class without arguments."""

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: Any, place: Place) -> None:
        """Make the table `table_name` in `connection`: no view of a file, since files are closed to the SQL.

        `spec`: what the data set says of the source, an object of the model in `mlops.sources.schema`. Raises MlopsError, or
        an error of DuckDB, where it cannot be read.
        """


def open_sources(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, section: Mapping[str, Any], place: Place
) -> int:
    """Open every source of a data set, and return the number of rows of the largest.

    `section`: the parameters of the stage, which pin the sources. Raises MlopsError.
    """
    largest = 0
    for name, spec in dataset.sources.items():
        found = fingerprint_of(section["sources"][name], root=place.root, digests=FileDigests())
        if found != section["fingerprint"].get(name):
            raise failed(
                "source is not the pinned one",
                f"`{spec.uri}` (source {name}) has another content than params/ pins. Run `mlops render`, and look at "
                "the plan.",
            )
        opener: Source = SOURCES.load(scheme_of(spec.uri))()
        try:
            opener.open(connection, name, spec, place)
            largest = max(largest, _count(connection, name, spec.uri))
        except duckdb.Error as error:
            raise failed("source cannot be read", f"`{spec.uri}` (source {name}): {str(error).strip()}") from error
    return largest


def _count(connection: duckdb.DuckDBPyConnection, name: str, uri: str) -> int:
    try:
        rows = connection.sql(f"SELECT count(*) FROM {quoted(name)}").fetchall()  # noqa: S608
    except duckdb.CatalogException as error:
        raise unfit(SOURCES, scheme_of(uri), f"it made no table `{name}` of `{uri}`") from error
    count = int(rows[0][0])
    if count == 0:
        raise failed("empty source", f"`{uri}` (source {name}) has no rows. Restore it, or name another in `uri`.")
    return count
