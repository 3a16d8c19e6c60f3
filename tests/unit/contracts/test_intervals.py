"""Which intervals there are, and which are due; and the ledger that says what was scored."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops.contracts.intervals import DueRules, begins_interval, due_intervals, interval_name, start_of
from mlops.contracts.ledger import append_line, read_ledger
from mlops.contracts.scoring import LEDGER, IntervalRows, LedgerLine

DAY = 86400.0
RULES = DueRules(DAY, 0.0, None, "by_name", "v1")
LATER = start_of("2020-01-01").timestamp()
DAYS = [IntervalRows(name=f"2013-12-0{day}", rows=day, digest=f"1:{day}") for day in (1, 2, 3)]


def line(name: str, **more: object) -> LedgerLine:
    day = int(name[-1])
    fields = {"rows": day, "digest": f"1:{day}", "version": "v1", **more}
    return LedgerLine(interval=name, at="2020-01-01T00:00:00+00:00", **fields)  # type: ignore[arg-type]


def due(ledger: list[LedgerLine], rules: DueRules = RULES, now: float = LATER) -> dict[str, str]:
    known = {one.interval: one for one in ledger}
    return {one.name: one.why for one in due_intervals(DAYS, known, rules=rules, now=now)}


def test_interval_is_named_by_its_day_or_its_minute() -> None:
    start = datetime(2013, 12, 1, 6, 30, tzinfo=UTC)
    assert interval_name(start, 1800.0) == "2013-12-01T06:30"
    assert interval_name(start, 7 * DAY) == "2013-12-01"
    assert start_of("2013-12-01T06:30") == start


def test_week_begins_on_a_monday() -> None:
    assert begins_interval(start_of("2013-12-02"), 7 * DAY)
    assert not begins_interval(start_of("2013-12-01"), 7 * DAY)


def test_interval_is_due_once() -> None:
    assert due([]) == dict.fromkeys(("2013-12-01", "2013-12-02", "2013-12-03"), "new")
    assert due([line("2013-12-01"), line("2013-12-03")]) == {"2013-12-02": "new"}


def test_interval_that_goes_on_is_not_due() -> None:
    noon = start_of("2013-12-03").timestamp() + DAY / 2
    assert list(due([], now=noon)) == ["2013-12-01", "2013-12-02"]
    assert list(due([], replace(RULES, delay=DAY), now=noon)) == ["2013-12-01"]


def test_interval_before_since_is_not_due() -> None:
    assert list(due([], replace(RULES, since="2013-12-02"))) == ["2013-12-02", "2013-12-03"]


def test_scored_interval_is_due_again_only_where_restate_says_so() -> None:
    scored = [line("2013-12-01", version="v0"), line("2013-12-02", digest="1:f"), line("2013-12-03")]
    assert due(scored) == {}
    assert due(scored, replace(RULES, restate="on_new_version")) == {"2013-12-01": "version"}
    assert due(scored, replace(RULES, restate="on_new_rows")) == {"2013-12-02": "rows"}
    assert due(scored, replace(RULES, restate="on_both")) == {"2013-12-01": "version", "2013-12-02": "rows"}
    named = [line("2013-12-01", again="ann"), *scored[1:]]
    assert due(named) == {"2013-12-01": "named"}


def test_digest_of_another_duckdb_restates_nothing_by_itself() -> None:
    rules = replace(RULES, restate="on_new_rows")
    scored = [
        line("2013-12-01", digest="2:1"),
        line("2013-12-02", digest="2:2"),
        line("2013-12-03", digest="2:3", rows=9),
    ]
    assert due(scored, rules) == {"2013-12-03": "rows"}


def test_only_interval_is_due_again_when_its_rows_are_others() -> None:
    rules = replace(RULES, length=None)
    whole = IntervalRows(name="all", rows=2, digest="1:b")
    known = {"all": LedgerLine(interval="all", at="", rows=2, digest="1:a", version="v1")}
    assert [one.why for one in due_intervals([whole], known, rules=rules, now=0.0)] == ["rows"]


def test_ledger_has_the_last_line_of_each_interval(tmp_path: Path) -> None:
    for one in (line("2013-12-01"), line("2013-12-02"), line("2013-12-01", rows=7)):
        append_line(tmp_path, one)
    assert {name: one.rows for name, one in read_ledger(tmp_path).items()} == {"2013-12-01": 7, "2013-12-02": 2}


@pytest.mark.parametrize("cut", [1, 20, 80])
def test_line_that_was_cut_off_counts_as_none_and_spoils_no_other(tmp_path: Path, cut: int) -> None:
    append_line(tmp_path, line("2013-12-01"))
    append_line(tmp_path, line("2013-12-02"))
    path = tmp_path / LEDGER
    path.write_bytes(path.read_bytes()[:-cut])
    append_line(tmp_path, line("2013-12-03"))
    found = read_ledger(tmp_path)
    assert {"2013-12-01", "2013-12-03"} <= set(found)
    assert ("2013-12-02" in found) == (cut == 1)
