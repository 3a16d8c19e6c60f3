"""Checks, cleaning and features that do not fit their column's type: each ends in a sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlops.errors import MlopsError
from mlops.workloads.data.prepare import prepare
from tests.workloads.conftest import say_dataset

TYPED = (
    "SELECT *, DATE '2020-01-01' + hour::INT AS day, TIMESTAMP '2020-01-01 12:00:00' AS moment, 'NO' AS country, "
    "9007199254740993 + row_number() OVER () AS id FROM rows"
)


def problems_of(project: Path, **changes: Any) -> str:
    say_dataset(project, **changes)
    with pytest.raises(MlopsError) as raised:
        prepare("rows")
    assert not (project / "data/rows").exists()
    return " ".join(f"{problem.summary}: {problem.detail}" for problem in raised.value.problems)


@pytest.mark.parametrize(
    ("check", "sign"),
    [
        ({"column": "color", "between": [0, 1]}, "`color` holds text, and `between` compares numbers"),
        ({"column": "late", "between": [0, 1]}, "`late` holds true or false, and `between` compares numbers"),
        ({"column": "day", "between": [0, 1]}, "`day` holds dates, and `between` compares numbers. Write two dates"),
        ({"column": "hour", "between": ["2020-01-01", "2020-02-01"]}, "`hour` holds whole numbers, and `between` compares dates"),
        ({"column": "day", "between": ["2020-01-01", "2020-01-02"]}, "`day` is not between 2020-01-01 and 2020-01-02 in"),
        ({"column": "moment", "between": ["2020-01-02", "2020-01-03"]}, "`moment` is not between 2020-01-02 and"),
        ({"column": "size", "matches": "[0-9]+"}, "`size` holds whole numbers, and `matches` is for text"),
        ({"column": "day", "matches": ".*"}, "`day` holds dates, and `matches` is for text"),
        ({"column": "color", "matches": "(?=x)"}, "`color` cannot be checked with `matches: (?=x)`"),
        ({"column": "country", "among": [False]}, "lists false. YAML reads NO, yes and on as true or false, so write them in"),
        ({"column": "color", "among": [1, 2]}, "`color` holds text, and `among` lists 1, 2"),
        ({"column": "size", "among": ["a", "b"]}, "`size` holds whole numbers, and `among` lists a, b"),
        ({"column": "size", "among": [True]}, "`size` holds whole numbers, and `among` lists true"),
        ({"column": "size", "among": [1.5, 2, 3]}, "`size` is not one of 1.5, 2, 3 in"),
        ({"column": "size", "among": [10**30]}, "`size` holds whole numbers, and `among` lists 1000"),
        ({"column": "day", "among": ["monday"]}, "`day` holds dates, and `among` lists monday"),
    ],
)  # fmt: skip
def test_check_that_does_not_fit_its_column_is_a_sentence(project: Path, check: dict[str, Any], sign: str) -> None:
    assert sign in problems_of(project, sql=TYPED, expect=[check])


def test_checks_hold_on_dates_and_large_ids(project: Path) -> None:
    expect = [
        {"column": "day", "between": ["2020-01-01", "2020-12-31"]},
        {"column": "moment", "between": ["2020-01-01", "2020-01-01"]},
        {"column": "moment", "between": ["2020-01-01T00:00:00", "2020-01-01T12:00:00"]},
        {"column": "country", "among": ["NO"]},
        {"column": "late", "among": [True, False]},
        {"column": "size", "among": [1, 2.0, 3]},
        {"column": "id", "between": [0, 1e16], "unique": True},
    ]
    say_dataset(project, sql=TYPED, expect=expect)
    prepare("rows")


@pytest.mark.parametrize("features", [{"categorical": ["id"]}, {"numeric": ["id"]}])
def test_ids_beyond_exact_numbers_are_refused_as_features(project: Path, features: dict[str, Any]) -> None:
    text = problems_of(project, sql=TYPED, features=features, clean={})
    assert "`id` holds whole numbers beyond 9,007,199,254,740,992 (2^53)" in text
    assert "CAST(id AS VARCHAR)" in text


def test_ids_as_text_keep_their_difference(project: Path) -> None:
    sql = f"SELECT * EXCLUDE (id), CAST(id AS VARCHAR) AS id FROM ({TYPED})"
    say_dataset(project, sql=sql, features={"categorical": ["id"]}, clean={})
    prepare("rows")


@pytest.mark.parametrize(
    ("expression", "sign"),
    [
        ("18446744073709551615::UBIGINT", "`x` has type uint64, and not all of its values are whole numbers"),
        ("TIMESTAMP_NS '2020-01-01 00:00:00.123456789'", "`x` has type timestamp[ns]"),
        ("'inf'::DOUBLE", "`x` is infinite in 900 rows"),
        ("[1, 2]", "`x` has type list"),
    ],
)
def test_value_that_no_type_holds_is_a_sentence(project: Path, expression: str, sign: str) -> None:
    assert sign in problems_of(project, sql=f"SELECT *, {expression} AS x FROM rows")


@pytest.mark.parametrize(
    ("clean", "sign"),
    [
        ({"color": {"missing": "median"}}, "`clean.color.missing: median` is for numbers"),
        ({"color": {"clip": [0, 1]}}, "`clean.color.clip` moves numbers to a bound"),
        ({"color": {"missing": False}}, "YAML reads NO, yes and on as true or false. Write it in quotes"),
        ({"size": {"map": {"1": "one"}}}, "`clean.size.map` replaces texts"),
        ({"size": {"missing": "none"}}, "`clean.size.missing` is the text `none`"),
    ],
)
def test_cleaning_that_does_not_fit_its_column_is_a_sentence(project: Path, clean: dict[str, Any], sign: str) -> None:
    assert sign in problems_of(project, clean=clean)


@pytest.mark.parametrize(
    ("value", "sign"),
    [
        ("CASE WHEN late THEN '1,5' ELSE '2,25' END", 'say `decimal: ","` on its source'),
        ("CASE WHEN late THEN '1,500' ELSE '2,250' END", "say `thousands`"),
        ("CASE WHEN number > 2.2 THEN 'n/a' ELSE hour::VARCHAR END", "All its values but 'n/a' are numbers: list these under `null`"),
    ],
)  # fmt: skip
def test_numbers_read_as_text_name_the_option_of_the_source(project: Path, value: str, sign: str) -> None:
    sql = f"SELECT * EXCLUDE (number), {value} AS number FROM rows"
    assert sign in problems_of(project, sql=sql, clean={})
