"""Reading sources: the options of CSV files, several files as one table, and what stops a file that cannot be read."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.config.schema.dataset import Dataset
from mlops.errors import MlopsError
from mlops.sources.source import FileDigests, fingerprint_of
from mlops.workloads.data.prepare import prepare
from mlops.workloads.data.sources.source import Place, open_sources
from mlops.workloads.data.sql import connect
from mlops.workloads.data.sql_text import quoted
from tests.workloads.conftest import say_dataset

Rows = list[tuple[Any, ...]]


def read(root: Path, source: dict[str, Any], name: str = "t") -> tuple[list[str], Rows]:
    """Open one source as `prepare` does; return the names and types of its columns, and its rows."""
    dataset = Dataset.model_validate(
        {"sources": {name: source}, "features": {"numeric": ["x"]}, "split": {"by": "random"}}
    )
    found = fingerprint_of(source, root=root, digests=FileDigests())
    section = {"sources": {name: source}, "fingerprint": {name: found}}
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    with connect() as connection:
        open_sources(connection, dataset, section, Place.of(root, scratch))
        table = connection.sql(f"FROM {quoted(name)}")
        columns = [f"{column} {kind}" for column, kind in zip(table.columns, table.types, strict=True)]
        return columns, table.fetchall()


def csv_bytes(text: str, encoding: str = "utf-8") -> bytes:
    return text.encode(encoding)


OPTIONS: list[tuple[dict[str, Any], bytes, list[str], Rows]] = [
    ({"delimiter": "~"}, b"a~b\n1~x,y\n2~z\n", ["a BIGINT", "b VARCHAR"], [(1, "x,y"), (2, "z")]),
    ({"decimal": ","}, b"a;b\n1,5;x\n2,25;y\n", ["a DOUBLE", "b VARCHAR"], [(1.5, "x"), (2.25, "y")]),
    ({"thousands": ","}, b'a;b\n1,234;x\n12,000.5;y\n', ["a DOUBLE", "b VARCHAR"], [(1234.0, "x"), (12000.5, "y")]),
    ({"thousands": ".", "decimal": ","}, b"a;b\n1.234,5;x\n7;y\n", ["a DOUBLE", "b VARCHAR"], [(1234.5, "x"), (7.0, "y")]),
    ({"header": False}, b"1,x\n2,y\n", ["column0 BIGINT", "column1 VARCHAR"], [(1, "x"), (2, "y")]),
    ({"quote": "^"}, b"a,b\n^x,1^,2\n^y^,3\n", ["a VARCHAR", "b BIGINT"], [("x,1", 2), ("y", 3)]),
    ({"quote": ""}, b'a,b\n"x,2\ny",3\n', ["a VARCHAR", "b BIGINT"], [('"x', 2), ('y"', 3)]),
    ({"null": ["-", "n/a"]}, b"a,b\n1,-\nn/a,x\n", ["a BIGINT", "b VARCHAR"], [(1, None), (None, "x")]),
    ({"types": {"zip": "string"}}, b"zip,n\n10115,1\n99999,2\n", ["zip VARCHAR", "n BIGINT"], [("10115", 1), ("99999", 2)]),
    ({"encoding": "cp1252"}, csv_bytes("a,b\nÅse €,1\n", "cp1252"), ["a VARCHAR", "b BIGINT"], [("Åse €", 1)]),
    ({"encoding": "latin-1"}, csv_bytes("a,b\nÅse,1\n", "latin-1"), ["a VARCHAR", "b BIGINT"], [("Åse", 1)]),
    ({"encoding": "utf-16"}, csv_bytes("a,b\nÅse,1\n", "utf-16"), ["a VARCHAR", "b BIGINT"], [("Åse", 1)]),
    ({"encoding": "shift_jis"}, csv_bytes("a,b\n東京,1\n", "shift_jis"), ["a VARCHAR", "b BIGINT"], [("東京", 1)]),
]  # fmt: skip


@pytest.mark.parametrize(("options", "content", "columns", "rows"), OPTIONS, ids=lambda value: str(value)[:40])
def test_csv_option_says_how_a_file_is_written(
    tmp_path: Path, options: dict[str, Any], content: bytes, columns: list[str], rows: Rows
) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    assert read(tmp_path, {"uri": "t.csv", **options}) == (columns, rows)
    try:
        without = read(tmp_path, {"uri": "t.csv"})
    except MlopsError:
        return
    assert without != (columns, rows)


def test_date_formats_decide_between_day_and_month(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("d,t\n02/01/2014,02/01/2014 13.30\n03/01/2014,03/01/2014 07.05\n")
    source = {"uri": "t.csv", "date_format": "%m/%d/%Y", "timestamp_format": "%m/%d/%Y %H.%M"}
    columns, rows = read(tmp_path, source)
    assert columns == ["d DATE", "t TIMESTAMP"]
    assert [str(value) for value in rows[0]] == ["2014-02-01", "2014-02-01 13:30:00"]
    columns, rows = read(tmp_path, {**source, "date_format": "%d/%m/%Y"})
    assert str(rows[0][0]) == "2014-01-02"
    assert read(tmp_path, {"uri": "t.csv", "date_format": "%d/%m/%Y"})[0] == ["d DATE", "t VARCHAR"]


@pytest.mark.parametrize("packing", ["gz", "zip"])
def test_encoding_holds_for_a_packed_file(tmp_path: Path, packing: str) -> None:
    content = "a,b\nÅse,1\n".encode("cp1252")
    if packing == "gz":
        (tmp_path / "t.csv.gz").write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(tmp_path / "t.csv.zip", "w") as archive:
            archive.writestr("t.csv", content)
    assert read(tmp_path, {"uri": f"t.csv.{packing}", "encoding": "cp1252"})[1] == [("Åse", 1)]


@pytest.mark.parametrize(
    ("source", "content", "signs"),
    [
        ({"uri": "t.csv"}, "a,b\nÅse,1\n".encode("cp1252"), ["Say the `encoding`", "cp1252"]),
        ({"uri": "t.csv", "encoding": "utf-16"}, b"a,b\nx,1\n2", ["is not utf-16", "Say another `encoding`"]),
        ({"uri": "t.csv"}, b"a,b\n1,2\n3,4,5\n6\n", ["read as one column, `a,b`", "Say the `delimiter`"]),
        ({"uri": "t.csv", "delimiter": ","}, b"a,b\n1,2\n3,4,5\n6\n", ["`delimiter`", "`quote`", "`header: false`"]),
        ({"uri": "t.csv", "types": {"a": "int"}}, b"a;b\n1,5;x\n", ['column "a"', "`decimal`", "`null`", "`types`"]),
        ({"uri": "t.csv", "types": {"c": "int"}}, b"a,b\n1,x\n", ["Name columns of the file in `types`"]),
        ({"uri": "t.csv", "date_format": "%Q"}, b"a,b\n1,x\n", ["Correct `date_format`"]),
        ({"uri": "t.json", "types": {"c": "int"}}, b'{"a": 1}\n', ["source cannot be read"]),
    ],
)
def test_unreadable_file_names_the_option_that_helps(
    tmp_path: Path, source: dict[str, Any], content: bytes, signs: list[str]
) -> None:
    (tmp_path / source["uri"]).write_bytes(content)
    with pytest.raises(MlopsError) as raised:
        read(tmp_path, source)
    problem = raised.value.problems[0]
    assert all(sign in f"{problem.summary} {problem.detail}" for sign in signs), problem.detail
    assert "Possible" not in problem.detail


def test_types_cast_the_columns_of_other_formats(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"zip": 1234, "n": 1}\n')
    assert read(tmp_path, {"uri": "t.jsonl", "types": {"zip": "string"}}) == (
        ["zip VARCHAR", "n BIGINT"],
        [("1234", 1)],
    )


def test_source_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("a,b\nÅse,1\n".encode("cp1252"))
    source = {"uri": "t.csv", "encoding": "cp1252"}
    assert read(tmp_path, source, '../the "best"/table')[1] == [("Åse", 1)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scratch", "t.csv"]


def test_columns_keep_quotes_in_their_names(tmp_path: Path) -> None:
    pq.write_table(pa.table({'the "best"': [1], "b": [2]}), tmp_path / "t.parquet")
    assert read(tmp_path, {"uri": "t.parquet", "columns": ['the "best"']})[1] == [(1,)]


def write_csv(path: Path, values: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x\n" + "".join(f"{value}\n" for value in values))


def write_parquet(path: Path, values: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"x": values}), path)


def write_jsonl(path: Path, values: list[int]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"x": value}) + "\n" for value in values))


WRITERS: dict[str, Callable[[Path, list[int]], None]] = {
    "csv": write_csv, "parquet": write_parquet, "jsonl": write_jsonl,
}  # fmt: skip


@pytest.mark.parametrize("ending", WRITERS)
@pytest.mark.parametrize("uri", ["raw", "raw/", "raw/**/*.ENDING", "raw/*/part-?.ENDING"])
def test_folder_or_pattern_is_one_table_in_a_fixed_order(tmp_path: Path, ending: str, uri: str) -> None:
    for number, folder in ((3, "b"), (1, "a"), (2, "a")):
        WRITERS[ending](tmp_path / f"raw/{folder}/part-{number}.{ending}", [number, number * 10])
    (tmp_path / "raw/_SUCCESS").write_text("")
    (tmp_path / "raw/a/.hidden.csv").write_text("y\n1\n")
    assert read(tmp_path, {"uri": uri.replace("ENDING", ending)})[1] == [(1,), (10,), (2,), (20,), (3,), (30,)]


@pytest.mark.parametrize("ending", WRITERS)
def test_partition_folders_become_columns(tmp_path: Path, ending: str) -> None:
    root = tmp_path / "home=mine"
    for part, day, value in (("01", "2020-01-31", 1), ("02", "2020-02-01", 2)):
        WRITERS[ending](root / f"raw/part={part}/day={day}/year=2020/f.{ending}", [value])
    columns, rows = read(root, {"uri": "raw/"})
    assert columns == ["x BIGINT", "part VARCHAR", "day DATE", "year BIGINT"]
    assert [(row[0], row[1], str(row[2]), row[3]) for row in rows] == [
        (1, "01", "2020-01-31", 2020), (2, "02", "2020-02-01", 2020),
    ]  # fmt: skip
    assert read(root, {"uri": "raw/", "types": {"year": "string"}})[0][3] == "year VARCHAR"


def test_folders_above_the_project_become_no_columns(tmp_path: Path) -> None:
    write_csv(tmp_path / "user=me/t.csv", [1])
    assert read(tmp_path / "user=me", {"uri": "t.csv"}) == (["x BIGINT"], [(1,)])


def test_columns_of_several_files_are_matched_by_name(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/1.csv").write_text("x,y\n1,a\n")
    (tmp_path / "raw/2.csv").write_text("y,x,z\nb,2,3\n")
    assert read(tmp_path, {"uri": "raw/*.csv"})[1] == [(1, "a", None), (2, "b", 3)]


def test_characters_of_a_pattern_in_a_name_match_nothing_else(tmp_path: Path) -> None:
    write_csv(tmp_path / "a*b.csv", [1])
    write_csv(tmp_path / "axb.csv", [2])
    write_csv(tmp_path / "d [1]/c.csv", [3])
    assert read(tmp_path, {"uri": "a*b.csv"})[1] == [(1,)]
    assert read(tmp_path, {"uri": "d [1]/c.csv"})[1] == [(3,)]


def test_fingerprint_of_a_folder_moves_with_names_and_contents(tmp_path: Path) -> None:
    def pinned(root: Path = tmp_path) -> str:
        return fingerprint_of({"uri": "raw/"}, root=root, digests=FileDigests())

    write_csv(tmp_path / "raw/1.csv", [1])
    write_csv(tmp_path / "raw/2.csv", [2])
    first = pinned()
    write_csv(tmp_path / "elsewhere/raw/2.csv", [2])
    write_csv(tmp_path / "elsewhere/raw/1.csv", [1])
    assert pinned(tmp_path / "elsewhere") == first
    (tmp_path / "raw/2.csv").rename(tmp_path / "raw/3.csv")
    renamed = pinned()
    write_csv(tmp_path / "raw/3.csv", [4])
    assert len({first, renamed, pinned()}) == 3


def test_folder_leaves_out_what_a_data_set_wrote(tmp_path: Path) -> None:
    write_csv(tmp_path / "data/1.csv", [1])
    write_parquet(tmp_path / "data/rows/train.parquet", [9])
    for name in ("schema.json", "profile.json"):
        (tmp_path / "data/rows" / name).write_text("{}")
    assert read(tmp_path, {"uri": "data/"})[1] == [(1,)]


@pytest.mark.parametrize(
    ("uri", "sign"),
    [("raw/*.parquet", "matches no file"), ("empty/", "is a folder without files"), ("raw/no.csv", "does not exist")],
)
def test_source_without_files_is_not_found(tmp_path: Path, uri: str, sign: str) -> None:
    write_csv(tmp_path / "raw/1.csv", [1])
    (tmp_path / "empty").mkdir()
    with pytest.raises(MlopsError, match=sign):
        fingerprint_of({"uri": uri}, root=tmp_path, digests=FileDigests())


def test_folder_of_several_formats_asks_for_one(tmp_path: Path) -> None:
    write_csv(tmp_path / "raw/1.csv", [1])
    write_parquet(tmp_path / "raw/2.parquet", [2])
    with pytest.raises(MlopsError, match=r"of several formats: csv, parquet. Say `format`"):
        read(tmp_path, {"uri": "raw/"})
    assert read(tmp_path, {"uri": "raw/", "format": "csv"})[1] == [(1,)]


def test_prepare_reads_a_folder(project: Path) -> None:
    lines = (project / "rows.csv").read_text().splitlines(keepends=True)
    (project / "raw").mkdir()
    for number in range(3):
        rows = lines[1 + 300 * number : 301 + 300 * number]
        (project / f"raw/{number}.csv").write_text("".join([lines[0], *rows]))
    prepare("rows")
    one = (project / "data/rows/train.parquet").read_bytes()
    source = {"uri": "raw/"}
    say_dataset(
        project,
        sources={"rows": source},
        pinned=fingerprint_of(source, root=project, digests=FileDigests()),
    )
    prepare("rows")
    assert (project / "data/rows/train.parquet").read_bytes() == one


def test_connection_is_in_utc_and_loads_no_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with connect() as connection:
        assert connection.execute("SELECT current_setting('TimeZone')").fetchall() == [("UTC",)]
        with pytest.raises(duckdb.Error, match="httpfs"):
            connection.execute("LOAD httpfs")


def test_packed_source_may_have_the_name_of_its_data_set(project: Path) -> None:
    with zipfile.ZipFile(project / "rows.csv.zip", "w") as archive:
        archive.write(project / "rows.csv", "rows.csv")
    source = {"uri": "rows.csv.zip"}
    say_dataset(
        project,
        sources={"rows": source},
        pinned=fingerprint_of(source, root=project, digests=FileDigests()),
    )
    prepare("rows")
    assert pq.read_table(project / "data/rows/train.parquet").num_rows == 630
