"""Know the columns of data sets before they are made: python -m mlops.workloads.data.describe REQUEST ANSWER.

Lives here: answer, the columns of data sets that may read each other; describe, of one; the process that answers a plan.
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
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
from pydantic import ValidationError

from mlops.config.schema.dataset import Dataset
from mlops.contracts.codec import convert, decode, encode
from mlops.contracts.data_schema import ColumnSchema, DataSchema, DescribeAnswer, DescribeProblem, DescribeRequest
from mlops.errors import MlopsError, near
from mlops.sources.dataset import dataset_name
from mlops.sources.source import scheme_of
from mlops.workloads.data.columns import empty_table, is_inexact, type_of, why_text, with_contract_types
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
    Path(sys.argv[2]).write_text(encode(answer(request, root=Path())))


def answer(request: DescribeRequest, *, root: Path) -> DescribeAnswer:
    """Describe the data sets side by side; one that reads others waits for these."""
    known = {name: empty_table(types) for name, types in request.prepared.items()}
    has_pivot = any(_PIVOT.search(str(spec.get("sql", ""))) for spec in request.datasets.values())
    # What a PIVOT makes of values are columns: it is shown all rows.
    first = None if has_pivot else _ROWS
    jobs: dict[str, Future[Described | None]] = {}

    def work(spec: Mapping[str, Any]) -> Described | None:
        read = {name: jobs[name].result() for name in _read(spec) if name in jobs}
        made = {name: found.rows for name, found in read.items() if found is not None and found.rows is not None}
        if len(made) < len(read):
            return None
        return _described(spec, root, first=first, prepared={**known, **made})

    # Those that are read come first: a job never waits for one that no thread has taken yet.
    with ThreadPoolExecutor(max(1, min(len(request.datasets), os.cpu_count() or 1))) as pool:
        for name in _in_order(request.datasets):
            jobs[name] = pool.submit(work, request.datasets[name])
    found = {name: job.result() for name, job in jobs.items()}
    return DescribeAnswer(datasets={name: one.schema for name, one in found.items() if one is not None})


def describe(spec: Mapping[str, Any], *, root: Path) -> DataSchema:
    """Return the columns of one data set, or the problems that its sources or its SQL have."""
    return answer(DescribeRequest(datasets={"": dict(spec)}), root=root).datasets[""]


def _in_order(datasets: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the names, those that are read before those that read them. A plan has refused cycles before it asks."""
    order: dict[str, None] = {}

    def add(name: str) -> None:
        for read in _read(datasets[name]):
            if read in datasets and read not in order:
                add(read)
        order.setdefault(name)

    for name in datasets:
        add(name)
    return list(order)


def _read(spec: Mapping[str, Any]) -> list[str]:
    uris = [source["uri"] for source in spec.get("sources", {}).values()]
    return [dataset_name(uri) for uri in uris if scheme_of(uri) == "dataset"]


@dataclass(frozen=True, slots=True)
class Described:
    """What was found out of one data set. `rows`: the first of them; None where it has problems."""

    schema: DataSchema
    rows: pa.Table | None = None


def _described(
    spec: Mapping[str, Any], root: Path, *, first: int | None, prepared: Mapping[str, pa.Table]
) -> Described:
    problems: list[DescribeProblem] = []
    try:
        dataset = Dataset.model_validate(spec)
    except ValidationError as error:
        problem = DescribeProblem(summary="data set does not fit", detail=f"{error}.", field="")
        return Described(DataSchema(problems=(problem,)))
    with tempfile.TemporaryDirectory() as scratch, connect() as connection:
        place = Place.of(root, Path(scratch), first=first, prepared=prepared)
        for name, source in dataset.sources.items():
            try:
                open_newest(connection, name, source, place)
            except MlopsError as error:
                problems += _problems(error, f"sources.{name}")
        if problems:
            return Described(DataSchema(problems=tuple(problems)))
        seal_database(connection)
        try:
            empty = with_contract_types(run_sql(connection, dataset, makes_rows=False))
        except MlopsError as error:
            cause = error.__cause__
            said = _sql_problem(str(cause)) if isinstance(cause, duckdb.Error) else None
            return Described(DataSchema(problems=(said,) if said else tuple(_problems(error, "sql"))))
        rows = _first_rows(connection, dataset, first)
        rows = empty if rows is None else rows
        return Described(DataSchema(columns=tuple(_columns(rows))), rows)


def _columns(rows: pa.Table) -> Iterator[ColumnSchema]:
    for name in rows.column_names:
        type_, values = type_of(rows[name].type), rows[name]
        inexact, advice = type_ == "int" and is_inexact(values), why_text(values) if type_ == "string" else ""
        yield convert(ColumnSchema, {"name": name, "type": type_, "inexact": inexact, "advice": advice})


def _first_rows(connection: duckdb.DuckDBPyConnection, dataset: Dataset, first: int | None) -> pa.Table | None:
    """Return what the SQL makes of the first rows; None where it fails on them, which it need not on all."""
    try:
        found = connection.sql(query_of(dataset))
        return with_contract_types((found if first is None else found.limit(first)).to_arrow_table())
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
