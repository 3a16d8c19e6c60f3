"""Rows of a user's file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.api.rows import read_rows
from mlops.errors import MlopsError

ROWS = [{"a": 1, "b": None}, {"a": 2.5, "b": "x"}]


@pytest.mark.parametrize(
    ("name", "text", "rows"),
    [
        ("rows.json", '{"rows": [{"a": 1, "b": null}, {"a": 2.5, "b": "x"}]}', ROWS),
        ("rows.json", '[{"a": 1, "b": null}, {"a": 2.5, "b": "x"}]', ROWS),
        ("rows.json", '\ufeff{"a": 1}', [{"a": 1}]),
        ("rows.jsonl", '{"a": 1, "b": null}\n\n{"a": 2.5, "b": "x"}\n', ROWS),
        ("rows.csv", "a,b\n1,NA\n2.5,x\n", ROWS),
        ("rows.csv", "a,b\nTRUE,\n", [{"a": True, "b": None}]),
    ],
)
def test_rows_are_read_from_each_format(tmp_path: Path, name: str, text: str, rows: list[object]) -> None:
    (tmp_path / name).write_text(text)
    assert read_rows(tmp_path / name) == rows


@pytest.mark.parametrize(
    ("name", "text", "summary", "line"),
    [
        ("rows.json", "[]", "no rows", None),
        ("rows.json", "[1]", "no rows", None),
        ("rows.json", '{"a": 1,\n', "not JSON", 2),
        ("rows.jsonl", '{"a": 1}\n{"a"\n', "not JSON", 2),
    ],
)
def test_file_that_holds_no_rows_is_refused(
    tmp_path: Path, name: str, text: str, summary: str, line: int | None
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(MlopsError) as caught:
        read_rows(tmp_path / name)
    problem = caught.value.problems[0]
    assert (problem.summary, problem.source and problem.source.line) == (summary, line)
