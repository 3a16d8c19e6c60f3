"""Make a data set.

Lives here: prepare, the whole of the stage: sources, SQL, checks, row cleaning, split, profile, files.
Not here: each of these (sources, checks, splits, profile).
Law: nothing is written before everything was checked; the order of rows depends on their content alone.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops.config.schema.dataset import Dataset
from mlops.contracts.stage_params import PrepareParams
from mlops.errors import MlopsError, Problem
from mlops.workloads.data.checks.check import violations
from mlops.workloads.data.profile import profile_of
from mlops.workloads.data.sources.source import open_sources
from mlops.workloads.data.splits.split import split_rows
from mlops.workloads.stage import failed, read_params, say, write_json

_TYPES = {
    "bool": pa.types.is_boolean, "int": pa.types.is_integer, "float": pa.types.is_floating,
    "string": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t),
    "date": pa.types.is_date, "timestamp": pa.types.is_timestamp,
}  # fmt: skip
_ARROW = {
    "bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "string": pa.string(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
}  # fmt: skip


def prepare(name: str, *, root: Path = Path()) -> None:
    """Write data/NAME/. Raises MlopsError for sources, SQL, checks or splits that do not hold."""
    section = read_params("dataset", name)["prepare"]
    dataset = Dataset.model_validate(PrepareParams.of(section).spec)
    say("reading sources", 0.0)
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET threads = 1").fetchall()
        rows = open_sources(connection, dataset, section, root)
        say("running the SQL", 0.3)
        table = _query(connection, dataset)
    table = _typed(table)
    _known_columns(table, dataset)
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
    say("splitting", 0.7)
    splits = split_rows(table, dataset)
    _usable(splits, dataset)
    out = root / "data" / name
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    say("writing", 0.8)
    for part, rows_of in splits.items():
        pq.write_table(rows_of, out / f"{part}.parquet", compression="zstd", store_schema=True)
    write_json(out / "schema.json", _schema(splits["train"], dataset))
    write_json(out / "profile.json", profile_of(splits, table, dataset, source_rows=rows))
    say(f"{table.num_rows:,} rows", 1.0)


def _query(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> pa.Table:
    sql = dataset.sql or f'SELECT * FROM "{next(iter(dataset.sources))}"'  # noqa: S608
    try:
        return connection.sql(f"SELECT * FROM ({sql.rstrip().rstrip(';')}\n) ORDER BY ALL").to_arrow_table()  # noqa: S608
    except duckdb.Error as error:
        raise failed(
            "SQL failed", f"DuckDB says of `sql`: {str(error).strip()}. Correct it, then apply again."
        ) from error


def _typed(table: pa.Table) -> pa.Table:
    """Return the table with every column in one of the six types of the contract. Raises MlopsError for other types."""
    columns: dict[str, Any] = {}
    wrong: list[str] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        kind = type_of(column.type)
        if kind is None and pa.types.is_decimal(column.type):
            kind = "float"
        if kind is None and pa.types.is_dictionary(column.type):
            kind = "string"
        if kind is None:
            wrong.append(
                f"`{name}` has type {column.type}. Cast it in the SQL to a number, text, boolean, date or timestamp."
            )
            continue
        cast = column.cast(_ARROW[kind])
        columns[name] = pc.if_else(pc.is_nan(cast), None, cast) if kind == "float" else cast
    if wrong:
        raise failed("column of an unknown type", *wrong)
    return pa.table(columns)


def type_of(kind: pa.DataType) -> str | None:
    """Return the contract's name of a type of Arrow, None where it has none."""
    return next((name for name, fits in _TYPES.items() if fits(kind)), None)


def _known_columns(table: pa.Table, dataset: Dataset) -> None:
    named = {"label": [dataset.label] if dataset.label else [], "features": list(dataset.features.columns),
             "clean": list(dataset.clean), "split": list(dataset.split.columns)}  # fmt: skip
    missing = [
        f"`{column}` of `{field}` is no column of the result of the SQL, which has: {', '.join(table.column_names)}. "
        "Name one of these, or select it in `sql`."
        for field, columns in named.items() for column in columns if column not in table.column_names
    ]  # fmt: skip
    parts = dataset.features.parts
    for feature in dataset.features.each:
        is_text = feature.column in table.column_names and type_of(table[feature.column].type) == "string"
        if is_text and not parts[feature.transform].takes_text:
            others = " or ".join(f"features.{name}" for name, part in parts.items() if part.takes_text)
            missing.append(f"`{feature.column}` is text, and features.{feature.transform} takes numbers. Cast it in the SQL, "
                           f"or list it under {others}.")  # fmt: skip
    if missing:
        raise failed("columns do not fit", *missing)


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
