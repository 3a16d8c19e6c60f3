"""Reading sheets of Excel workbooks."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from mlops.errors import MlopsError
from tests.workloads.reading import read


def write_book(path: Path, sheets: dict[str, list[list[Any]]]) -> None:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


TABLE: list[list[Any]] = [
    ["zip", "name", "day"],
    [1234, "Åse", dt.date(2024, 3, 1)],
    [99999, None, dt.date(2024, 3, 2)],
]


def test_first_sheet_of_a_workbook_is_a_table(tmp_path: Path) -> None:
    write_book(tmp_path / "t.xlsx", {"One": TABLE, "Two": [["x"], [1]]})
    columns, rows = read(tmp_path, {"uri": "t.xlsx"})
    assert columns == ["zip DOUBLE", "name VARCHAR", "day DATE"]
    assert rows == [(1234.0, "Åse", dt.date(2024, 3, 1)), (99999.0, None, dt.date(2024, 3, 2))]


def test_sheet_and_range_say_where_the_table_is(tmp_path: Path) -> None:
    write_book(
        tmp_path / "t.xlsx", {"One": [["x"], [1]], "Q1 '24": [["a title"], [], *([None, *row] for row in TABLE)]}
    )
    source = {"uri": "t.xlsx", "sheet": "Q1 '24", "range": "B3:C5", "types": {"zip": "string"}, "columns": ["zip"]}
    assert read(tmp_path, source) == (["zip VARCHAR"], [("1234",), ("99999",)])
    assert read(tmp_path, {"uri": "t.xlsx"})[0] == ["x DOUBLE"]


def test_sheet_without_a_header_names_columns_by_their_cells(tmp_path: Path) -> None:
    write_book(tmp_path / "t.xlsx", {"One": [[1, "x"], [2, "y"]]})
    columns, rows = read(tmp_path, {"uri": "t.xlsx", "header": False, "types": {"A1": "int"}})
    assert columns == ["A1 BIGINT", "B1 VARCHAR"]
    assert rows == [(1, "x"), (2, "y")]


def test_workbooks_of_a_folder_are_one_table_with_its_partitions(tmp_path: Path) -> None:
    for year in (2023, 2024):
        write_book(tmp_path / f"raw/year={year}/t.xlsx", {"One": [["x"], [year % 10]]})
    assert read(tmp_path, {"uri": "raw/"}) == (["x DOUBLE", "year BIGINT"], [(3.0, 2023), (4.0, 2024)])


@pytest.mark.parametrize(
    ("options", "says"),
    [({"sheet": "Three"}, "Three.*`sheet` names the sheet"), ({"delimiter": ";"}, "an option of CSV files")],
)
def test_workbook_that_cannot_be_read_says_what_helps(tmp_path: Path, options: dict[str, Any], says: str) -> None:
    write_book(tmp_path / "t.xlsx", {"One": TABLE})
    with pytest.raises((MlopsError, ValueError), match=says):
        read(tmp_path, {"uri": "t.xlsx", **options})


def test_column_of_numbers_and_texts_is_explained(tmp_path: Path) -> None:
    write_book(tmp_path / "t.xlsx", {"One": [["x"], [1], ["none"]]})
    with pytest.raises(MlopsError, match="type is that of its first row"):
        read(tmp_path, {"uri": "t.xlsx"})
