"""Where a new project's files go: names, data that are copied or read where they lie, keys, and what is never overwritten."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from mlops.api.init import init_project
from mlops.cli.main import cli
from mlops.errors import MlopsError
from mlops.scaffold import data_files
from mlops.scaffold.data_files import place_data
from mlops.scaffold.examples import example_files
from mlops.scaffold.project_files import key_name, project_name, write_new_files, write_secret

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("churn", "churn"),
        ("Zoë's Data!", "zoe-s-data"),
        ("2024 sales", "p-2024-sales"),
        ("数据", "project"),
        ("a_b", "a-b"),
    ],
)
def test_any_text_becomes_a_name(text: str, name: str) -> None:
    assert project_name(text) == name
    assert key_name("zoe-s-data") == "ZOE_S_DATA_KEY"


def test_small_file_is_copied_into_the_project(tmp_path: Path) -> None:
    (tmp_path / "my table.csv").write_text("a,b\n1,2\n")
    placed = place_data("my table.csv", tmp_path / "project", tmp_path)
    assert placed.uri == "raw/my table.csv"
    placed.copy()
    assert (tmp_path / "project/raw/my table.csv").read_text() == "a,b\n1,2\n"
    assert placed.copy() == []


def test_folder_keeps_its_structure_when_it_is_copied(tmp_path: Path) -> None:
    for month in (1, 2):
        (tmp_path / f"visits/month={month}").mkdir(parents=True)
        (tmp_path / f"visits/month={month}/part.csv").write_text("a\n1\n")
    placed = place_data(str(tmp_path / "visits"), tmp_path / "project", Path("/"))
    assert placed.uri == "raw/visits"
    placed.copy()
    assert (tmp_path / "project/raw/visits/month=2/part.csv").exists()


def test_large_file_is_read_where_it_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_files, "_SMALL", 3)
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    placed = place_data("t.csv", tmp_path / "project", tmp_path)
    assert placed.uri == str(tmp_path / "t.csv")
    assert placed.copies == ()


def test_file_of_the_project_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/t.csv").write_text("a\n1\n")
    assert place_data("in/t.csv", tmp_path, tmp_path).uri == "in/t.csv"


def test_data_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(MlopsError, match="source not found"):
        init_project(tmp_path / "p", data=str(tmp_path / "missing.csv"), label="y")
    assert not (tmp_path / "p").exists()


def test_existing_files_are_kept(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    written, kept = write_new_files(tmp_path, {"README.md": "ours", "conf/a.yaml": "x"})
    assert (written, kept) == (["conf/a.yaml"], ["README.md"])
    assert (tmp_path / "README.md").read_text() == "mine"


def test_key_is_readable_by_its_owner_alone_and_made_once(tmp_path: Path) -> None:
    path = write_secret(tmp_path, "A_KEY")
    assert path is not None
    assert (tmp_path / path).stat().st_mode & 0o777 == 0o600
    assert write_secret(tmp_path, "A_KEY") is None


def test_project_without_data_is_valid_and_a_second_init_changes_nothing(tmp_path: Path) -> None:
    made = init_project(tmp_path / "empty")
    assert "conf/project.yaml" in made.written
    again = init_project(tmp_path / "empty")
    assert again.written == ()
    assert "conf/project.yaml" in again.kept


@pytest.mark.parametrize(
    ("options", "summary"),
    [
        ({"data": "a.csv", "example": "wine"}, "two kinds of data"),
        ({"label": "y"}, "label of no data"),
        ({"example": "wein"}, "no such example"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tmp_path: Path, options: dict[str, str], summary: str) -> None:
    with pytest.raises(MlopsError, match=summary):
        init_project(tmp_path, **options)


def test_example_of_flights_is_the_reference_project() -> None:
    files = example_files("flights")
    assert files
    for path, text in files.items():
        assert (ROOT / path).read_text() == text, f"copy {path} to mlops/scaffold/templates/examples/flights/{path}"


def test_examples_in_the_repository_are_what_init_writes() -> None:
    for name in ("digits",):
        files = example_files(name)
        there = {path.relative_to(ROOT / "examples" / name).as_posix(): path.read_text()
                 for path in (ROOT / "examples" / name).rglob("*") if path.is_file() and path.suffix == ".yaml"}  # fmt: skip
        assert there == files, f"copy mlops/scaffold/templates/examples/{name} to examples/{name}"


def test_example_of_flights_makes_a_valid_project(tmp_path: Path) -> None:
    made = init_project(tmp_path / "flights", example="flights")
    assert ".mlops/secrets/DELAY_API_KEY" in made.written
    assert "conf/model/delay.yaml" in made.written


@pytest.mark.slow
def test_fields_of_the_source_are_read_with_and_written(tmp_path: Path) -> None:
    rows = "".join(f"{n % 7}|{'high' if n % 7 > 3 else 'low'}|{n % 5 > 2}\n" for n in range(60))
    (tmp_path / "t.csv").write_text(f"a|b|y\n{rows}")
    result = CliRunner().invoke(
        cli,
        ["init", str(tmp_path / "p"), "--data", str(tmp_path / "t.csv"), "--label", "y", "--source", "delimiter='|'"],
        catch_exceptions=False,
    )
    assert "60 rows, 3 columns, label y" in result.output
    assert "p: { uri: raw/t.csv, delimiter: '|' }" in (tmp_path / "p/conf/dataset/p.yaml").read_text()


def test_field_of_the_source_without_a_value_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["init", str(tmp_path / "p"), "--data", "t.csv", "--source", "table"])
    assert "`table` is not FIELD=VALUE" in result.output
    assert not (tmp_path / "p").exists()
