"""Reading lines of text by a pattern with named groups."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlops.config.schema.sources.source import FileSpec
from mlops.errors import MlopsError
from tests.workloads.reading import read

LOG = """2024-03-01T10:00:00Z INFO  started, "quoted"; done

2024-03-01T10:00:01Z ERROR disk full
Traceback: what does not match
2024-03-01T10:00:02Z -     nothing to say
"""
PATTERN = r"^(?P<time>[0-9]\S+) (?P<level>\S+)\s+(?P<words>.*)$"


def test_named_groups_of_a_pattern_become_columns_with_types(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(LOG)
    source = {
        "uri": "app.log", "pattern": PATTERN, "unmatched": "25%",
        "types": {"time": "timestamp"}, "null": ["-"],
    }  # fmt: skip
    columns, rows = read(tmp_path, source)
    assert columns == ["time TIMESTAMP", "level VARCHAR", "words VARCHAR"]
    assert [row[1:] for row in rows] == [
        ("INFO", 'started, "quoted"; done'), ("ERROR", "disk full"), (None, "nothing to say"),
    ]  # fmt: skip
    assert [str(row[0]) for row in rows] == [f"2024-03-01 10:00:0{n}" for n in range(3)]


def test_lines_that_do_not_match_are_counted_and_shown(tmp_path: Path) -> None:
    (tmp_path / "app.log").write_text(LOG)
    source = {"uri": "app.log", "pattern": r"^(?P<time>[0-9]\S+) (?P<words>.*)$"}
    with pytest.raises(
        MlopsError, match=r"1 of 4 lines \(25%\) .*`unmatched` allows 0%.*Traceback: what does not match"
    ):
        read(tmp_path, source)
    with pytest.raises(MlopsError, match="`unmatched` allows 24%"):
        read(tmp_path, {**source, "unmatched": "24%"})
    assert len(read(tmp_path, {**source, "unmatched": "25%"})[1]) == 3


def test_pattern_reads_packed_encoded_and_partitioned_logs(tmp_path: Path) -> None:
    for day, packed in (("2024-03-01", False), ("2024-03-02", True)):
        content = f"[{day[8:]}/Mar/2024:10:00:00 +0200] Åse 5\r\n".encode("cp1252")
        folder = tmp_path / "logs" / f"day={day}"
        folder.mkdir(parents=True)
        (folder / f"access.log{'.1.gz' if packed else ''}").write_bytes(gzip.compress(content) if packed else content)
    source = {
        "uri": "logs/", "pattern": r"^\[(?P<at>[^]]+)\] (?P<who>\w+|[^ ]+) (?P<n>\d+)(?P<rest>x)?", "encoding": "cp1252",
        "types": {"at": "timestamp", "n": "int"}, "timestamp_format": "%d/%b/%Y:%H:%M:%S %z",
    }  # fmt: skip
    columns, rows = read(tmp_path, source)
    assert columns == ["at TIMESTAMP", "who VARCHAR", "n BIGINT", "rest VARCHAR", "day DATE"]
    assert [(str(row[0]), *row[1:4], str(row[4])) for row in rows] == [
        ("2024-03-01 08:00:00", "Åse", 5, None, "2024-03-01"),
        ("2024-03-02 08:00:00", "Åse", 5, None, "2024-03-02"),
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"pattern": r"(\d+)"}, "names no group"),
        ({"pattern": r"(?P<a>["}, "no regular expression"),
        ({"pattern": r"(?P<a>\d+)(?=x)"}, r"`\(\?=` is not in the regular expressions of RE2"),
        ({"pattern": r"(?P<a>x)\1"}, "RE2"),
        ({"pattern": r"(?P<a>x)", "types": {"b": "int"}}, "`b` is no group of `pattern`"),
        ({"pattern": r"(?P<a>x)", "columns": ["c"]}, "`c` is no group of `pattern`"),
        ({"pattern": r"(?P<a>x)", "delimiter": ";"}, "an option of CSV files, and `t.log` is text"),
        ({"pattern": r"(?P<a>x)", "format": "csv"}, "`format` says csv"),
        ({"pattern": r"(?P<a>x)", "timestamp_format": "%Y"}, "no group has the type timestamp"),
        ({"unmatched": "1%"}, "belongs to `pattern`"),
    ],
)
def test_pattern_that_cannot_be_run_is_an_error_of_the_spec(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        FileSpec.model_validate({"uri": "t.log", **options})
