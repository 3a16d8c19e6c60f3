"""Make a data set.

Lives here: prepare, the whole of the stage: sources, SQL, checks, row cleaning, split, profile, files.
Not here: each of these (sources, sql, columns, checks, splits, profile).
Law: data/NAME appears whole, after everything was checked; the order of rows depends on their content alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops.config.schema.dataset import Dataset
from mlops.contracts.stage_params import PrepareParams
from mlops.errors import MlopsError, Problem
from mlops.workloads.data.checks.check import violations
from mlops.workloads.data.columns import check_columns, type_of, with_contract_types, with_named_features
from mlops.workloads.data.profile import profile_of
from mlops.workloads.data.sources.source import Place, open_sources
from mlops.workloads.data.splits.split import split_rows
from mlops.workloads.data.sql import connect, run_sql, seal_database
from mlops.workloads.stage import failed, read_params, say, write_json


def prepare(name: str, *, root: Path = Path()) -> None:
    """Write data/NAME/. Raises MlopsError for sources, SQL, checks or splits that do not hold."""
    section = read_params("dataset", name)["prepare"]
    dataset = Dataset.model_validate(PrepareParams.of(section).spec)
    parent = root / ".mlops" / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=parent) as scratch:
        say("reading sources", 0.0)
        with connect() as connection:
            (Path(scratch) / "sources").mkdir()
            rows = open_sources(connection, dataset, section, Place.of(root, Path(scratch) / "sources"))
            seal_database(connection)
            say("running the SQL", 0.3)
            table = with_contract_types(run_sql(connection, dataset))
        dataset = with_named_features(dataset, table)
        made = Path(scratch) / "made"
        _write(made, _checked(table, dataset), dataset, source_rows=rows)
        out = root / "data" / name
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, out)


def _checked(table: pa.Table, dataset: Dataset) -> pa.Table:
    """Return the rows that are left after cleaning. Raises MlopsError for what does not hold."""
    check_columns(table, dataset)
    problems = [Problem("check failed", sentence) for sentence in violations(table, dataset.expect)]
    if problems:
        raise MlopsError(*problems)
    table = _drop(table, dataset)
    if dataset.label is not None and table[dataset.label].null_count:
        raise failed(
            "label is missing",
            f"{table[dataset.label].null_count:,} of {table.num_rows:,} rows have no `{dataset.label}`. Take them out in "
            f"the SQL: WHERE {dataset.label} IS NOT NULL.",
        )
    return table


def _write(out: Path, table: pa.Table, dataset: Dataset, *, source_rows: int) -> None:
    say("splitting", 0.7)
    splits = split_rows(table, dataset)
    _usable(splits, dataset)
    out.mkdir()
    say("writing", 0.8)
    for part, rows_of in splits.items():
        pq.write_table(rows_of, out / f"{part}.parquet", compression="zstd", store_schema=True)
    write_json(out / "schema.json", _schema(splits["train"], dataset))
    write_json(out / "profile.json", profile_of(splits, table, dataset, source_rows=source_rows))
    say(f"{table.num_rows:,} rows", 1.0)


def _drop(table: pa.Table, dataset: Dataset) -> pa.Table:
    for column, cleaning in dataset.clean.items():
        if cleaning.missing == "drop":
            table = table.filter(pc.is_valid(table[column]))
    if table.num_rows == 0:
        raise failed(
            "no rows", "After the SQL and the cleaning no row is left. Look at `sql`, and at `clean` with `drop`."
        )
    return table


def _usable(splits: dict[str, pa.Table], dataset: Dataset) -> None:
    empty = [name for name, rows in splits.items() if rows.num_rows == 0]
    if empty:
        counts = ", ".join(f"{name} {rows.num_rows:,}" for name, rows in splits.items())
        raise failed("empty split", f"{' and '.join(empty)} would have no rows ({counts}). Look at `split`.")
    if dataset.label is not None:
        for name, rows in splits.items():
            if pc.count_distinct(rows[dataset.label]).as_py() < 2:
                raise failed(
                    "label has one class",
                    f"Every row of {name} has the same `{dataset.label}`, so nothing can be learned or measured. Look at "
                    "the SQL and at `split`.",
                )


def _schema(train: pa.Table, dataset: Dataset) -> dict[str, Any]:
    features = dataset.features.columns
    return {
        "format": 1,
        "label": dataset.label,
        "columns": [
            {"name": name, "type": type_of(column.type), "nullable": True, "feature": name in features}
            for name, column in zip(train.column_names, train.columns, strict=True)
        ],
        "features": dataset.features.written(),
        "clean": {
            name: cleaning.model_dump(mode="json", exclude_defaults=True) for name, cleaning in dataset.clean.items()
        },
    }
