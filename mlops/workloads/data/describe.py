"""Know the columns of data sets before they are made: python -m mlops.workloads.data.describe REQUEST ANSWER.

Lives here: describe, the columns of one data set, and the process that answers a plan.
Not here: judging them (config.validate.columns), making the data set (prepare).
Law: sources are opened and the SQL is run as prepare does it, on the first rows alone, so names and types are the same.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pydantic import ValidationError

from mlops.config.schema.dataset import Dataset
from mlops.contracts.codec import convert, decode, encode
from mlops.contracts.data_schema import ColumnSchema, DataSchema, DescribeAnswer, DescribeProblem, DescribeRequest
from mlops.errors import MlopsError, near
from mlops.workloads.data.columns import is_inexact, type_of, why_text, with_contract_types
from mlops.workloads.data.sources.source import Place, open_newest
from mlops.workloads.data.sql import connect, query_of, run_sql, seal_database
from mlops.workloads.parent_death import die_with_parent

_ROWS = 10_000
"""How many rows of each source are read: enough to see what the values of a column look like."""
_LINE = re.compile(r"^LINE (\d+):", re.MULTILINE)
_QUOTED = re.compile(r'"([^"]*)"')
_PIVOT = re.compile(r"\bPIVOT", re.IGNORECASE)


def main() -> None:
    os.environ["TZ"] = "UTC"
    time.tzset()
    die_with_parent()
    request = decode(DescribeRequest, Path(sys.argv[1]).read_bytes())
    with ThreadPoolExecutor(min(len(request.datasets), os.cpu_count() or 1) or 1) as pool:
        answers = pool.map(partial(describe, root=Path()), request.datasets.values())
        answer = DescribeAnswer(datasets=dict(zip(request.datasets, answers, strict=True)))
    Path(sys.argv[2]).write_text(encode(answer))


def describe(spec: Mapping[str, Any], *, root: Path) -> DataSchema:
    """Return the columns of a data set, or the problems that its sources or its SQL have."""
    problems: list[DescribeProblem] = []
    try:
        dataset = Dataset.model_validate(spec)
    except ValidationError as error:
        return DataSchema(problems=(DescribeProblem(summary="data set does not fit", detail=f"{error}.", field=""),))
    with tempfile.TemporaryDirectory() as scratch, connect() as connection:
        # What a PIVOT makes of values are columns: it is shown all rows.
        place = Place.of(root, Path(scratch), first=None if _PIVOT.search(dataset.sql or "") else _ROWS)
        for name, source in dataset.sources.items():
            try:
                open_newest(connection, name, source, place)
            except MlopsError as error:
                problems += _problems(error, f"sources.{name}")
        if problems:
            return DataSchema(problems=tuple(problems))
        seal_database(connection)
        try:
            return DataSchema(columns=tuple(_columns(connection, dataset)))
        except MlopsError as error:
            cause = error.__cause__
            said = _sql_problem(str(cause)) if isinstance(cause, duckdb.Error) else None
            return DataSchema(problems=(said,) if said else tuple(_problems(error, "sql")))


def _columns(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> Iterator[ColumnSchema]:
    """Yield the columns. Raises MlopsError where the SQL cannot be run, or gives a column of a type that is not known."""
    empty = with_contract_types(run_sql(connection, dataset, makes_rows=False))
    rows = _first_rows(connection, dataset)
    for name in empty.column_names:
        type_ = type_of(empty[name].type)
        values = rows[name] if rows is not None else empty[name]
        inexact, advice = type_ == "int" and is_inexact(values), why_text(values) if type_ == "string" else ""
        yield convert(ColumnSchema, {"name": name, "type": type_, "inexact": inexact, "advice": advice})


def _first_rows(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> pa.Table | None:
    """Return what the SQL makes of the first rows; None where it fails on them, which it need not on all."""
    try:
        return with_contract_types(connection.sql(query_of(dataset)).limit(_ROWS).to_arrow_table())
    except (duckdb.Error, pa.ArrowException, MlopsError):
        return None


def _sql_problem(text: str) -> DescribeProblem | None:
    """Return what DuckDB says of a line of the SQL; None where it names no line."""
    at = _LINE.search(text)
    if at is None:
        return None
    before, _, candidates = text[: at.start()].strip().partition("Candidate bindings:")
    name, known = _QUOTED.search(before), [found.rpartition(".")[2] for found in _QUOTED.findall(candidates)]
    return DescribeProblem(
        summary="SQL failed", detail=f"DuckDB says of `sql`: {before.strip().rstrip('!.')}. Correct it.",
        hint=near(name.group(1), known) if name else None, line=int(at.group(1)),
    )  # fmt: skip


def _problems(error: MlopsError, field: str) -> Iterator[DescribeProblem]:
    for problem in error.problems:
        yield DescribeProblem(summary=problem.summary, detail=problem.detail, field=field, hint=problem.hint)


if __name__ == "__main__":
    main()
