"""Rows in whatever form a notebook has them, and answers in the same form."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas
import pyarrow
import pytest

from mlops.api.notebook.frames import like_frame, rows_of
from mlops.errors import MlopsError

ROWS = [{"a": 1, "b": "x"}, {"a": 2, "b": None}]
ANSWERS = [{"p": 0.1, "each": {"x": 0.4, "y": 0.6}}, {"p": 0.2, "each": {"x": 0.7, "y": 0.3}}]


class Polars:
    """A frame of a library that is not installed here: it gives Arrow data, and is made of a mapping of lists."""

    def __init__(self, columns: dict[str, Any]) -> None:
        self.columns = columns

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return pyarrow.table(self.columns).__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(
    "frame",
    [ROWS, tuple(ROWS), pandas.DataFrame(ROWS, index=[7, 9]), pyarrow.Table.from_pylist(ROWS), Polars({"a": [1, 2], "b": ["x", None]})],
    ids=lambda frame: type(frame).__name__,
)  # fmt: skip
def test_rows_are_the_same_in_every_form(frame: Any) -> None:
    assert rows_of(frame) == ROWS


def test_one_mapping_is_one_row_and_gets_one_answer() -> None:
    assert rows_of(ROWS[0]) == ROWS[:1]
    assert like_frame(ROWS[0], ANSWERS[:1]) == ANSWERS[0]


def test_values_become_what_json_has() -> None:
    row = {
        "missing": float("nan"), "none": None, "numpy": np.float32(0.5), "whole": np.int64(3), "flag": np.bool_(True),
        "date": dt.date(2013, 12, 31), "time": dt.datetime(2013, 12, 31, 6), "price": Decimal("1.5"),
        "stamp": pandas.Timestamp("2013-12-31T06:00"), "no_stamp": pandas.NaT, "not_a_number": np.float64("nan"),
    }  # fmt: skip
    assert rows_of(row) == [
        {
            "missing": None, "none": None, "numpy": 0.5, "whole": 3, "flag": True, "date": "2013-12-31",
            "time": "2013-12-31T06:00:00", "price": 1.5, "stamp": "2013-12-31T06:00:00", "no_stamp": None, "not_a_number": None,
        }
    ]  # fmt: skip


def test_missing_values_of_pandas_become_null() -> None:
    frame = pandas.DataFrame(
        {"n": pandas.array([1, None], dtype="Int64"), "c": pandas.Categorical(["x", None]), "f": [None, 2.0]}
    )
    assert rows_of(frame) == [{"n": 1, "c": "x", "f": None}, {"n": None, "c": None, "f": 2.0}]


def test_answer_to_a_pandas_frame_keeps_its_index_and_names_each_class() -> None:
    answer = like_frame(pandas.DataFrame(ROWS, index=["first", "second"]), ANSWERS)
    assert list(answer.columns) == ["p", "each.x", "each.y"]
    assert answer.loc["second", "each.x"] == 0.7


def test_answer_to_an_arrow_table_is_one() -> None:
    assert like_frame(pyarrow.Table.from_pylist(ROWS), ANSWERS).column("each.y").to_pylist() == [0.6, 0.3]


def test_answer_to_a_frame_of_another_library_is_one_of_that_library() -> None:
    answer = like_frame(Polars({"a": [1, 2]}), ANSWERS)
    assert isinstance(answer, Polars)
    assert answer.columns["p"] == [0.1, 0.2]


@pytest.mark.parametrize("frame", ["rows.csv", 7, None, [1, 2]], ids=str)
def test_something_else_is_refused_with_what_can_be_given(frame: Any) -> None:
    with pytest.raises(MlopsError, match="Give a pandas or polars frame, an Arrow table, a list of mappings"):
        rows_of(frame)


def test_empty_frame_is_refused() -> None:
    with pytest.raises(MlopsError, match="The frame is empty"):
        rows_of(pandas.DataFrame({"a": []}))
