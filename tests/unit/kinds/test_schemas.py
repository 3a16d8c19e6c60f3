"""What a plan knows of columns: asked once, remembered by content, shown where a type moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops.address import Address
from mlops.api import Options, Project
from mlops.config.load import load
from mlops.context.context import Context
from mlops.contracts.data_schema import ColumnSchema, DataSchema, DescribeAnswer, DescribeRequest
from mlops.engine.resource import Desired, Record
from mlops.errors import InvalidConfig
from mlops.kinds.staged.dataset import DatasetKind
from mlops.kinds.staged.schemas import DataSchemas, column_types
from tests.small_project import write_files

ROWS = Address("dataset", "rows")
FILES = {
    "conf/project.yaml": "name: small\n",
    "conf/dataset/rows.yaml": """\
sources: { rows: { uri: rows.csv } }
label: late
features: { numeric: [number], categorical: [zip] }
split: { by: random }
""",
    "rows.csv": "number,zip,late\n1,01234,true\n",
}
TYPES = {"number": "float", "zip": "int", "late": "bool"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The data sets that the process was asked for, one list each time that it was started."""
    calls: list[list[str]] = []

    def answer(schemas: DataSchemas, request: DescribeRequest) -> DescribeAnswer:
        calls.append(list(request.datasets))
        columns = tuple(ColumnSchema(name=name, type=type_) for name, type_ in TYPES.items())  # type: ignore[arg-type]
        return DescribeAnswer(datasets=dict.fromkeys(request.datasets, DataSchema(columns=columns)))

    monkeypatch.setattr(DataSchemas, "_run", answer)
    return calls


def plan(root: Path, *overrides: str, **options: Any) -> dict[str, tuple[str, ...]]:
    """Address -> notes of the changes."""
    changes = Project.open(root, overrides=overrides).plan(Options(**options)).changes
    return {str(change.address): change.notes for change in changes}


def test_answer_is_remembered_until_source_or_sql_changes(tmp_path: Path, asked: list[list[str]]) -> None:
    write_files(tmp_path, FILES)
    plan(tmp_path)
    plan(tmp_path, "dataset.rows.split.seed=3", "dataset.rows.features.numeric=[number]")
    assert asked == [["rows"]]
    plan(tmp_path, "+dataset.rows.sql='SELECT * FROM rows'")
    plan(tmp_path, "+dataset.rows.sources.rows.types={zip: string}")
    assert len(asked) == 3
    (tmp_path / "rows.csv").write_text("number,zip,late\n2,01234,true\n")
    plan(tmp_path)
    assert len(asked) == 4


def test_one_process_answers_for_all_data_sets(tmp_path: Path, asked: list[list[str]]) -> None:
    other = {"conf/dataset/more.yaml": FILES["conf/dataset/rows.yaml"] + "sql: SELECT * FROM rows WHERE late\n"}
    write_files(tmp_path, FILES | other)
    plan(tmp_path)
    assert asked == [["more", "rows"]]


def test_answer_with_problems_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(schemas: DataSchemas, request: DescribeRequest) -> DescribeAnswer:
        raise OSError("no space left")

    monkeypatch.setattr(DataSchemas, "_run", fails)
    write_files(tmp_path, FILES)
    with pytest.raises(InvalidConfig, match=r"columns cannot be found out.*no space left.*--no-preflight"):
        plan(tmp_path)
    assert not list((tmp_path / ".mlops/cache/schemas").glob("*"))
    assert plan(tmp_path, preflight=False) == {"dataset.rows": ()}


def test_environment_that_builds_nothing_asks_for_no_columns(tmp_path: Path, asked: list[list[str]]) -> None:
    write_files(tmp_path, FILES | {"conf/env/dev.yaml": "build: false\n"})
    plan(tmp_path)
    assert asked == []


def test_machine_without_duckdb_says_so_once_and_plans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DataSchemas, "lacks", "duckdb")
    write_files(tmp_path, FILES | {"conf/dataset/more.yaml": FILES["conf/dataset/rows.yaml"]})
    notes = [note for lines in plan(tmp_path).values() for note in lines]
    assert notes == ["columns are not checked: duckdb is not installed here (pip install 'mlops[data]')"]


def test_column_types_are_those_that_a_plan_has_seen(tmp_path: Path, asked: list[list[str]]) -> None:
    project = load(write_files(tmp_path, FILES))
    context = Context(tmp_path, project.settings, resources=project.resources)
    assert column_types(project.resources[ROWS], context) is None
    plan(tmp_path)
    assert column_types(project.resources[ROWS], context) == TYPES
    assert len(asked) == 1


def test_type_that_moved_since_the_last_version_is_shown(tmp_path: Path, asked: list[list[str]]) -> None:
    project = load(write_files(tmp_path, FILES))
    resource = project.resources[ROWS]
    desired = Desired(ROWS, resource.inputs, (), False, {})
    outputs = {"types": TYPES | {"zip": "string", "old": "date"}, "seconds": 2.0}
    record = Record(ROWS, resource.inputs, outputs)
    kind = DatasetKind(Context(tmp_path, project.settings, "", {ROWS: record}, project.resources))
    lines = ("zip  string → int", "old  date → no such column", "about 2 s (as last time)")
    assert kind.notes(desired, record, "REPROCESS") == lines
    assert kind.notes(desired, record, "METADATA") == ()


CHAIN = {
    "conf/dataset/above.yaml": FILES["conf/dataset/rows.yaml"].replace("uri: rows.csv", "uri: dataset://rows"),
}


def test_data_set_that_is_read_is_asked_for_first(tmp_path: Path, asked: list[list[str]]) -> None:
    write_files(tmp_path, FILES | CHAIN)
    plan(tmp_path)
    assert asked == [["rows", "above"]]
    plan(tmp_path, "dataset.above.split.seed=3")
    assert len(asked) == 1
    plan(tmp_path, "+dataset.rows.sql='SELECT * FROM rows'")
    assert asked[1:] == [["rows", "above"]]


def test_data_set_without_its_sources_is_known_by_its_last_version(tmp_path: Path, asked: list[list[str]]) -> None:
    project = load(write_files(tmp_path, FILES | CHAIN))
    (tmp_path / "rows.csv").unlink()
    record = Record(ROWS, project.resources[ROWS].inputs, {"types": TYPES})
    requests: list[DescribeRequest] = []
    for records in ({}, {ROWS: record}):
        schemas = DataSchemas(Context(tmp_path, project.settings, "", records, project.resources))
        schemas._run = lambda request: requests.append(request) or DescribeAnswer()  # type: ignore[assignment, func-returns-value]
        schemas.of(Address("dataset", "above"))
    (request,) = requests
    assert (list(request.datasets), request.prepared) == (["above"], {"rows": TYPES})
