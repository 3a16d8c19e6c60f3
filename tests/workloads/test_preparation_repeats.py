"""What is prepared is the same to the last bit, whatever the machine has: threads, memory, and how types were found."""

from __future__ import annotations

import hashlib
import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops.config.schema.sources.source import FileSpec
from mlops.errors import MlopsError
from mlops.workloads.data import sorting
from mlops.workloads.data.order import is_free_of_order
from mlops.workloads.data.prepare import prepare
from mlops.workloads.data.resources import MEMORY, THREADS
from mlops.workloads.data.sorting import sorted_batches
from mlops.workloads.data.sources import csv_types
from mlops.workloads.data.sources.csv import csv_call
from mlops.workloads.data.sql import connect

FEATURES = {"numeric": ["x", "n"], "categorical": ["text"]}


def digests(root: Path) -> dict[str, str]:
    files = sorted((root / "data/rows").iterdir())
    return {file.name: hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest() for file in files}


def say(root: Path, uri: str, **changes: Any) -> None:
    """Write the parameters of a data set over one file."""
    pinned = hashlib.md5((root / uri).read_bytes(), usedforsecurity=False).hexdigest()
    section = {
        "sources": {"rows": {"uri": uri}}, "label": "late", "features": FEATURES, "fingerprint": {"rows": pinned},
        "split": {"by": "random", "stratify": True}, "code": "x",
    }  # fmt: skip
    path = root / "params/dataset/rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"prepare": section | changes}))


def write_ties(path: Path, count: int) -> None:
    """Write rows that are alike, with missing values, NaN, both zeros and texts beyond ASCII, in the order of chance."""
    chance = np.random.default_rng(3)
    texts = np.array(["Åse", "ase", "東京", "", "a\0b", "a", "😀", "naïve"], dtype=object)
    floats = np.array([0.0, -0.0, math.nan, 1.5, -1.5, 1e-300, 1e100])
    numbers = chance.integers(-2, 3, count)
    columns = {
        "n": pa.array(numbers, mask=chance.random(count) < 0.1),
        "x": pa.array(
            floats[chance.integers(0, len(floats), count)], mask=chance.random(count) < 0.1, from_pandas=False
        ),
        "text": pa.array(texts[chance.integers(0, len(texts), count)], mask=chance.random(count) < 0.1),
        "y": pa.array(np.where(chance.random(count) < 0.5, 0.0, -0.0)),
        "late": pa.array(chance.random(count) < 0.4),
    }
    pq.write_table(pa.table(columns), path, row_group_size=20_000)


def prepared(root: Path, monkeypatch: pytest.MonkeyPatch, threads: int, memory: str = "4Gi") -> dict[str, str]:
    monkeypatch.setenv(THREADS, str(threads))
    monkeypatch.setenv(MEMORY, memory)
    prepare("rows")
    return digests(root)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_rows_that_compare_alike_are_the_same_for_any_number_of_threads(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_ties(root / "t.parquet", 200_000)
    say(root, "t.parquet")
    first = prepared(root, monkeypatch, 1)
    assert prepared(root, monkeypatch, 2) == first
    assert prepared(root, monkeypatch, 5) == first


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT text, n, avg(x) AS x, coalesce(n, 0) > 0 AS late, first(y) AS y FROM rows WHERE isfinite(x) GROUP BY text, n",
        "SELECT *, row_number() OVER (ORDER BY n) AS place FROM rows",
        "SELECT a.*, a.x * 2 AS twice FROM rows a SEMI JOIN (SELECT n FROM rows WHERE late) b USING (n)",
    ],
)
def test_sql_gives_the_same_for_any_number_of_threads(root: Path, monkeypatch: pytest.MonkeyPatch, sql: str) -> None:
    write_ties(root / "t.parquet", 150_000)
    say(root, "t.parquet", sql=sql, split={"by": "random", "val": "30%", "test": "30%"})
    assert prepared(root, monkeypatch, 1) == prepared(root, monkeypatch, 2)


def test_order_of_the_source_changes_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ties(root / "t.parquet", 130_000)
    say(root, "t.parquet")
    first = prepared(root, monkeypatch, 2)
    table = pq.read_table(root / "t.parquet")
    pq.write_table(table.take(pa.array(np.random.default_rng(9).permutation(len(table)))), root / "t.parquet")
    say(root, "t.parquet")
    assert prepared(root, monkeypatch, 2) == first


@pytest.mark.slow
def test_table_beyond_the_memory_limit_gives_the_same_bytes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 2_300_000
    chance = np.random.default_rng(4)
    columns = {name: chance.random(count) for name in ("x", "y", "z", "w")}
    texts = pa.array([f"row {number % 70_001:030d}" for number in range(count)])
    table = pa.table({"n": chance.integers(0, 9, count), **columns, "text": texts, "late": chance.random(count) < 0.5})
    pq.write_table(table, root / "t.parquet")
    say(root, "t.parquet")
    spilled: list[int] = []

    def watched(connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[pa.RecordBatch]:
        batches = iter(sorted_batches(connection, name))
        first = next(batches)
        spilled.append(sum(file.stat().st_size for file in root.glob(".mlops/tmp/*/spill/*")))
        yield first
        yield from batches

    monkeypatch.setattr("mlops.workloads.data.prepare.sorted_batches", watched)
    made = [
        prepared(root, monkeypatch, threads, memory) for threads, memory in ((2, "8Gi"), (2, "512Mi"), (1, "512Mi"))
    ]
    assert made[0] == made[1] == made[2]
    assert spilled[0] == 0 < min(spilled[1:])


@pytest.mark.parametrize(("name", "value"), [(THREADS, "0"), (THREADS, "many"), (MEMORY, "2 bananas"), (MEMORY, "1Mi")])
def test_setting_that_cannot_be_is_a_sentence(
    root: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    write_ties(root / "t.parquet", 100)
    say(root, "t.parquet")
    monkeypatch.setenv(name, value)
    with pytest.raises(MlopsError, match=name):
        prepare("rows")


@pytest.mark.parametrize(
    ("sql", "is_free"),
    [
        (None, True),
        ("SELECT a + 1 AS b, upper(c) FROM t WHERE x > 3 ORDER BY 1", True),
        ("WITH z AS (SELECT * FROM t) SELECT z.* EXCLUDE (a), u.b FROM z LEFT JOIN u USING (k)", True),
        ("SELECT sum(x) FROM t", False),
        ("SELECT DISTINCT a FROM t", False),
        ("SELECT a FROM t GROUP BY a", False),
        ("SELECT *, row_number() OVER () FROM t", False),
        ("SELECT * FROM t LIMIT 3", False),
        ("SELECT * FROM t USING SAMPLE reservoir(10%) REPEATABLE (1)", False),
        ("SELECT * FROM a ASOF JOIN b ON a.t >= b.t", False),
        ("SELECT * FROM a POSITIONAL JOIN b", False),
        ("PIVOT t ON a USING count(*)", False),
        ("SELECT (SELECT first(a) FROM t)", False),
    ],
)
def test_sql_that_depends_on_the_order_of_rows_is_known(sql: str | None, is_free: bool) -> None:
    with connect() as connection:
        assert is_free_of_order(connection, sql) is is_free


COMMON = ["1", "12", "-7", "3.5", "2020-01-31", "true", "x", "2020-01-31 10:00:00", ""]
ODD = [
    *COMMON, "01", "1.", ".5", "1e5", "1E-3", "+1", "1_000", "0x10", " 1", "1 ", "NaN", "inf", "2020-02-31", "2020-1-1",
    "31/01/2020", "2020-01-31T10:00:00", "2020-01-31 10:00", "T", "0", "False", "NA", "'q'", "O'Hare", '"q"', '"q,r"', '"1"',
    '"q ""r"""', "99999999999999999999", "é", "-", "--1", "1e400",
]  # fmt: skip


def types_of(path: Path, spec: FileSpec, sample: str) -> Any:
    call = csv_call(spec, {}).replace(csv_types.ALL_ROWS, sample)
    with connect() as connection:
        rows = connection.execute(f"SELECT * FROM read_csv('{path}', {call})")
        return [column[:2] for column in rows.description], [[str(cell) for cell in row] for row in rows.fetchall()]


@pytest.mark.parametrize("seed", range(60))
def test_first_rows_suffice_only_where_all_rows_show_the_same_types(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(csv_types, "SMALL_FILE", 0)
    monkeypatch.setattr(csv_types, "FIRST_ROWS", "sample_size = 2048")
    monkeypatch.setattr(csv_types, "_SEEN", 2000)
    chance = random.Random(seed)
    kinds = [chance.choice([["1", "12", "-7"], ["3.5", "1"], ["2020-01-31"], ["true", "false"], ["x", "y z"], [""], ['"q"', "r"],
                            ["2020-01-31 10:00:00"]]) for _ in range(4)]  # fmt: skip
    lines = [",".join(chance.choice(kind) for kind in kinds) for _ in range(6000)]
    for _ in range(seed % 3):
        cells = [chance.choice(kind) for kind in kinds]
        cells[chance.randrange(4)] = chance.choice(ODD)
        lines[chance.randrange(4000, 6000)] = ",".join(cells)
    path = tmp_path / "t.csv"
    path.write_text("a,b,c,d\n" + "\n".join(lines) + chance.choice(["", "\n"]))
    spec = FileSpec(uri="t.csv")
    with connect() as connection:
        suffice = csv_types.first_rows_suffice(connection, path, spec, csv_call(spec, {}))
    if suffice:
        assert types_of(path, spec, "sample_size = 2048") == types_of(path, spec, csv_types.ALL_ROWS)
    assert suffice or seed % 3


def test_ties_are_put_in_the_order_of_all_columns(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_ties(root / "t.parquet", 60_000)
    say(root, "t.parquet")
    whole = prepared(root, monkeypatch, 2)
    monkeypatch.setattr(sorting, "WINDOW", 7_000)
    monkeypatch.setattr(sorting, "_FEW", 0)
    for count in (1, 2, 3):
        monkeypatch.setattr(sorting, "_leading", lambda *_, count=count: count)
        assert prepared(root, monkeypatch, 2) == whole
