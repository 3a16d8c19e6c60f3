"""Read Iceberg tables.

Lives here: IcebergReader.
Not here: which snapshots there are (mlops.sources.iceberg).
Law: the snapshot that is read is the one that is pinned, whatever the table holds now.
"""

from __future__ import annotations

import duckdb

from mlops.config.schema.sources.iceberg import IcebergSource
from mlops.sources.iceberg import locate, snapshot_of
from mlops.workloads.data.duckdb_extensions import copy_rows, open_with_extensions
from mlops.workloads.data.sources.selection import selected
from mlops.workloads.data.sources.source import Place
from mlops.workloads.data.sql_text import literal


class IcebergReader:
    """Opens the pinned snapshot of an Iceberg table."""

    def open_version(
        self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: IcebergSource, place: Place, pinned: str
    ) -> None:
        table = locate(spec.uri, place.root)
        options = [
            f"snapshot_from_id => {snapshot_of(pinned, spec.uri, table)}",
            f"version => {literal(table.version)}",
            "version_name_format => '%s%s.metadata.json'",
            f"metadata_compression_codec => '{'gzip' if table.is_packed else 'none'}'",
            f"allow_moved_paths => {str(table.was_moved).lower()}",
        ]
        rows = f"iceberg_scan({literal(str(table.folder))}, {', '.join(options)})"
        with open_with_extensions("avro", "iceberg") as reading:
            copy_rows(
                reading,
                selected(rows, columns=spec.columns, types=spec.types),
                connection,
                table_name,
                first=place.first,
            )
