"""Open what another data set of the project prepared.

Lives here: DatasetReader.
Not here: finding its files (mlops.sources.dataset).
Law: rows come in the order in which they were written, split after split.
"""

from __future__ import annotations

import duckdb

from mlops.config.schema.sources.dataset import DatasetSource
from mlops.sources.dataset import prepared_files
from mlops.workloads.data.sources.source import Place
from mlops.workloads.data.sql_text import literal_path, quoted


class DatasetReader:
    """Opens rows that another data set of the project prepared."""

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: DatasetSource, place: Place) -> None:
        paths = [literal_path(str(path)) for path in prepared_files(spec.uri, place.root)]
        columns = "*" if spec.columns is None else ", ".join(map(quoted, spec.columns))
        connection.execute(
            f"CREATE TABLE {quoted(table_name)} AS SELECT {columns} FROM read_parquet(?, union_by_name = true, "  # noqa: S608
            "hive_partitioning = false)",
            [paths],
        ).fetchall()
