"""The columns that a plan learns of are those that the stage makes, and what it refuses is what the stage refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlops.config.validate.columns import misfits
from mlops.contracts.codec import decode, encode
from mlops.contracts.data_schema import DataSchema, DescribeAnswer, DescribeRequest
from mlops.errors import MlopsError
from mlops.workloads.data.describe import answer, describe
from mlops.workloads.data.prepare import prepare
from tests.workloads.conftest import say_dataset

EACH_TYPE = (
    "SELECT *, DATE '2020-01-01' + hour::INT AS day, TIMESTAMP '2020-01-01 12:00:00' AS moment, hour * 0.5 AS half, "
    "hour * 1.5::DOUBLE AS share, sum(size) OVER () AS total FROM rows"
)
COLUMNS = ("late", "hour", "share", "color", "day", "moment")
CHECKS: tuple[dict[str, Any], ...] = (
    {"between": [-1e9, 1e9]}, {"between": ["1900-01-01", "2100-01-01"]}, {"matches": ".*"}, {"not_null": False},
    {"among": [False]}, {"among": [1, 2.5]}, {"among": ["a"]}, {"among": ["2020-01-01"]}, {"unique": False},
)  # fmt: skip


def spec_of(project: Path, **changes: Any) -> dict[str, Any]:
    say_dataset(project, **changes)
    section = json.loads((project / "params/dataset/rows.json").read_text())["prepare"]
    return {name: value for name, value in section.items() if name not in ("fingerprint", "code")}


def described(project: Path, **changes: Any) -> DataSchema:
    return describe(spec_of(project, **changes), root=project)


def test_columns_are_those_of_the_stage(project: Path) -> None:
    schema = described(project, sql=EACH_TYPE)
    prepare("rows")
    made = json.loads((project / "data/rows/schema.json").read_text())["columns"]
    assert schema.types == {column["name"]: column["type"] for column in made}
    assert list(schema.types) == [column["name"] for column in made]


@pytest.mark.parametrize("column", COLUMNS)
def test_check_that_the_plan_refuses_is_refused_by_the_stage(project: Path, column: str) -> None:
    for check in CHECKS:
        spec = spec_of(project, sql=EACH_TYPE, expect=[{"column": column, **check}])
        columns = {one.name: one for one in describe(spec, root=project).columns}
        refused = [found.detail for found in misfits(spec, columns)]
        try:
            prepare("rows")
            said = ""
        except MlopsError as error:
            said = error.problems[0].detail
        does_not_fit = f"`{column}` holds" in said
        assert bool(refused) == does_not_fit, f"{column} {check}: {refused} {said}"


def test_columns_that_a_pivot_makes_of_values_are_all_there(project: Path) -> None:
    rows = "\n".join(f"{number},{'rare' if number == 20_000 else 'usual'},1" for number in range(20_001))
    (project / "rows.csv").write_text(f"id,key,value\n{rows}\n")
    schema = described(project, sql="SELECT * FROM (PIVOT rows ON key USING sum(value) GROUP BY id)")
    assert list(schema.types) == ["id", "rare", "usual"]


def test_type_comes_of_all_rows_and_not_of_the_first_alone(project: Path) -> None:
    rows = "\n".join(["1"] * 20_000)
    (project / "rows.csv").write_text(f"zip\n{rows}\nA1\n")
    assert described(project, sql="SELECT * FROM rows").types == {"zip": "string"}


@pytest.mark.parametrize(
    ("sql", "field", "sign"),
    [
        ("SELECT colr FROM rows", "sql", 'Referenced column "colr" not found'),
        ("SELECT * FROM rows, rows AS more", "sql", "columns of the name"),
        ("SELECT now() AS at FROM rows", "sql", "Write the time itself"),
        ("SELECT [1] AS x FROM rows", "sql", "`x` has type list"),
    ],
)
def test_sql_that_cannot_be_run_is_a_problem_of_its_field(project: Path, sql: str, field: str, sign: str) -> None:
    schema = described(project, sql=sql)
    assert {problem.field for problem in schema.problems} == {field}
    assert sign in schema.problems[0].detail


@pytest.mark.slow
def test_process_answers_for_every_data_set_it_is_asked_for(project: Path, tmp_path: Path) -> None:
    spec = spec_of(project)
    request, answer = tmp_path / "request.json", tmp_path / "answer.json"
    request.write_text(
        encode(DescribeRequest(datasets={"one": spec, "two": {**spec, "sql": "SELECT nothing FROM rows"}}))
    )
    words = [sys.executable, "-P", "-m", "mlops.workloads.data.describe", str(request), str(answer)]
    subprocess.run(words, cwd=project, check=True)
    read = decode(DescribeAnswer, answer.read_bytes()).datasets
    assert read["one"] == describe(spec, root=project)
    assert read["two"].problems[0].summary == "SQL failed"


def test_data_set_that_reads_another_is_described_before_either_is_made(project: Path) -> None:
    first = spec_of(project, sql="SELECT number, color AS hue, 9007199254740993 AS id FROM rows")
    sources = {"part": {"uri": "dataset://first/train"}, "old": {"uri": "dataset://old", "columns": ["day"]}}
    second = {**first, "sources": sources, "sql": "SELECT part.*, day FROM part, old"}
    prepared = {"old": {"day": "date", "late": "bool"}}
    found = answer(
        DescribeRequest(datasets={"second": second, "first": first}, prepared=prepared), root=project
    ).datasets
    assert found["second"].types == {"number": "float", "hue": "string", "id": "int", "day": "date"}
    alone = {**second, "sources": {"part": sources["part"]}, "sql": "SELECT * FROM part"}
    chained = answer(DescribeRequest(datasets={"first": first, "second": alone}), root=project).datasets["second"]
    assert [column.name for column in chained.columns if column.inexact] == ["id"]


def test_data_set_that_reads_one_with_problems_is_left_out(project: Path) -> None:
    first = spec_of(project, sql="SELECT nothing FROM rows")
    second = {**first, "sources": {"part": {"uri": "dataset://first"}}, "sql": "SELECT * FROM part"}
    found = answer(DescribeRequest(datasets={"first": first, "second": second}), root=project).datasets
    assert list(found) == ["first"]
