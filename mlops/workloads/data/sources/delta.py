"""Read Delta tables.

Lives here: DeltaReader.
Not here: which versions there are (mlops.sources.delta).
Law: the version that is read is the one that is pinned, whatever the table holds now.
"""

from __future__ import annotations

import duckdb

from mlops.config.schema.sources.delta import DeltaSource
from mlops.sources.delta import locate, version_of
from mlops.sources.source import FileDigests
from mlops.workloads.data.duckdb_extensions import copy_rows, open_with_extensions
from mlops.workloads.data.sources.selection import selected
from mlops.workloads.data.sources.source import Place
from mlops.workloads.data.sql_text import literal


class DeltaReader:
    """Opens the pinned version of a Delta table."""

    def open_version(
        self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: DeltaSource, place: Place, pinned: str
    ) -> None:
        version = version_of(pinned, spec.uri, root=place.root, digests=FileDigests())
        folder = literal(str(locate(spec.uri, place.root)))
        rows = f"delta_scan({folder}, version => {version})"
        with open_with_extensions("delta") as reading:
            copy_rows(
                reading,
                selected(rows, columns=spec.columns, types=spec.types),
                connection,
                table_name,
                first=place.first,
            )
