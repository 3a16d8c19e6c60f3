"""Read late labels from a source of the project, in a process of its own: python -m mlops.workloads.table_labels REQUEST ANSWER

Lives here: write_labels, and the process.
Not here: opening one source (data.sources), keeping labels (monitoring.label_store), when they are read (monitoring.label_table).
Law: labels of requests that nobody predicted are left where they are, so that a table may hold those of many years.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import duckdb
import pyarrow as pa
from pydantic import TypeAdapter

from mlops.config.schema.sources.source import BY_SCHEME, SourceSpec
from mlops.contracts.codec import decode
from mlops.contracts.watcher import TableLabelsRequest
from mlops.errors import MlopsError
from mlops.workloads.data.resources import MachineResources
from mlops.workloads.data.sources.source import Place, open_newest
from mlops.workloads.data.sql import connect
from mlops.workloads.data.sql_text import literal, quoted
from mlops.workloads.parent_death import die_with_parent
from mlops.workloads.stage import failed

_JUDGE: TypeAdapter[SourceSpec] = TypeAdapter(Annotated[SourceSpec, BY_SCHEME])
_TABLE, _KNOWN = "labels", "predicted"
_SHARE = 0.2
"""Of the memory, how much DuckDB may take: it stands beside a watcher."""
_AT_ONCE = 10_000


def write_labels(request: TableLabelsRequest, root: Path, answer: Path) -> None:
    """Write a line for each request that was predicted and has a label: {"id", "label"}, or {"id", "problem"}. Raises MlopsError."""
    parent = root / ".mlops" / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    spec = _JUDGE.validate_python(request.source)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=parent) as folder, connect() as connection:
        resources = MachineResources.of()
        connection.execute(f"SET memory_limit = {literal(f'{int(resources.memory * _SHARE) >> 20}MiB')}").fetchall()
        connection.execute(f"SET temp_directory = {literal(folder)}").fetchall()
        open_newest(connection, _TABLE, spec, Place.of(root, Path(folder)))
        _check_columns(connection, request, spec.uri)
        connection.register(_KNOWN, _predicted_ids(Path(request.store)))
        with answer.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(line, default=_plain) + "\n" for line in _lines(connection, request))


def _check_columns(connection: duckdb.DuckDBPyConnection, request: TableLabelsRequest, uri: str) -> None:
    columns = [row[0] for row in connection.execute(f"DESCRIBE {quoted(_TABLE)}").fetchall()]
    for field in ("id", "value", "row"):
        name = getattr(request, field)
        if name is not None and name not in columns:
            raise failed(
                "no such column",
                f"`labels.{field}: {name}` is no column of `{uri}`, which has: {', '.join(columns)}. Name one of these.",
            )


def _predicted_ids(store: Path) -> pa.Table:
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True, timeout=30)) as database:
        ids = [row[0] for row in database.execute("SELECT id FROM requests WHERE predicted IS NOT NULL")]
    return pa.table({"known_id": pa.array(ids, pa.string())})


def _lines(connection: duckdb.DuckDBPyConnection, request: TableLabelsRequest) -> Iterator[dict[str, Any]]:
    name, value = f"CAST({quoted(request.id)} AS VARCHAR)", quoted(request.value)
    row = f"CAST({quoted(request.row)} AS BIGINT)" if request.row else "0"
    each = f"SELECT {name} AS id, {row} AS place, {value} AS label FROM {quoted(_TABLE)} WHERE {value} IS NOT NULL"  # noqa: S608
    known = (
        f"SELECT id, place, list(DISTINCT label) AS labels FROM ({each}) JOIN {_KNOWN} ON id = known_id GROUP BY ALL"  # noqa: S608
    )
    together = f"SELECT id, list(place ORDER BY place), list(labels ORDER BY place) FROM ({known}) GROUP BY id"  # noqa: S608
    found = connection.execute(together)
    while batch := found.fetchmany(_AT_ONCE):
        for request_id, places, labels in batch:
            if any(len(one) > 1 for one in labels):
                yield {"id": request_id, "problem": "the source of labels says two different labels of one row"}
            elif places[0] < 0 or places[-1] > _AT_ONCE:
                yield {
                    "id": request_id,
                    "problem": "the source of labels numbers a row that no request has; the first is 0",
                }
            elif request.row is None:
                yield {"id": request_id, "label": labels[0][0]}
            else:
                given = {place: one[0] for place, one in zip(places, labels, strict=True)}
                yield {"id": request_id, "label": [given.get(place) for place in range(places[-1] + 1)]}


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)


def main() -> None:
    die_with_parent()
    request = decode(TableLabelsRequest, Path(sys.argv[1]).read_bytes())
    try:
        write_labels(request, Path.cwd(), Path(sys.argv[2]))
    except MlopsError as error:
        sys.exit(error.problems[0].detail)


if __name__ == "__main__":
    main()
