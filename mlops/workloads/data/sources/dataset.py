"""Open what another data set of the project prepared.

Lives here: DatasetReader.
Not here: finding its files (mlops.sources.dataset).
Law: rows come in the order in which they were written, split after split.
"""

from __future__ import annotations

import duckdb

from mlops.config.schema.sources.dataset import DatasetSource
from mlops.sources.dataset import dataset_name, prepared_files
from mlops.workloads.data.sources.source import Place
from mlops.workloads.data.sql_text import literal_path, quoted

_ROWS = "mlops rows"


class DatasetReader:
    """Opens rows that another data set of the project prepared."""

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: DatasetSource, place: Place) -> None:
        columns = "*" if spec.columns is None else ", ".join(map(quoted, spec.columns))
        rows = place.prepared.get(dataset_name(spec.uri))
        if rows is not None:
            connection.register(_ROWS, rows)
            made = f"CREATE TABLE {quoted(table_name)} AS SELECT {columns} FROM {quoted(_ROWS)}"  # noqa: S608
            connection.execute(made).fetchall()
            connection.unregister(_ROWS)
            return
        paths = [literal_path(str(path)) for path in prepared_files(spec.uri, place.root)]
        connection.execute(
            f"CREATE TABLE {quoted(table_name)} AS SELECT {columns} FROM read_parquet(?, union_by_name = true, "  # noqa: S608
            "hive_partitioning = false)",
            [paths],
        ).fetchall()
