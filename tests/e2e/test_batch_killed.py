"""`mlops apply` of a batch, killed at random moments: each row is scored exactly once. By hand, with more kills:
`python -m tests.e2e.test_batch_killed 20`."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from mlops.contracts.ledger import read_interval_ledger
from tests.e2e.conftest import Workplace, make_small, write_rows
from tests.e2e.kill import kill_once

ROWS, DAYS = 40_000, 40
BATCH = """\
package: late
input: { uri: "departures.parquet" }
time: day
interval: 1d
output: { path: scores/killed }
"""


def score_killed(place: Workplace, kills: int, seed: int) -> tuple[int, float]:
    """Apply a batch again and again, killed at random moments, until it was killed `kills` times, and once to its end. Return how many
    applies ended before they were killed, and how long all took."""
    root, chance = place.root, random.Random(seed)
    write_rows(root / "departures.csv", ROWS, seed)
    numbered = f"SELECT number, color, row_number() OVER () AS id FROM '{root}/departures.csv'"
    dated = f"SELECT *, DATE '2013-01-01' + CAST(id % {DAYS} AS INTEGER) AS day FROM ({numbered})"
    duckdb.sql(f"COPY ({dated}) TO '{root}/departures.parquet'")
    (root / "departures.csv").unlink()
    path = root / "conf/batch/killed.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(BATCH)
    started, ended, killed = time.monotonic(), 0, 0
    place.mlops("apply", "--yes")
    longest = time.monotonic() - started
    while killed < kills:
        if place.plan()["summary"]["change"] == 0:
            place.mlops("batch", "rerun", "killed", "2013-01-01..2013-02-28")
        if kill_once(place, chance.random() * longest):
            killed += 1
        else:
            ended += 1
        for line in read_interval_ledger(root / "scores/killed").values():
            assert (root / f"scores/killed/{line.interval}.parquet").stat().st_size == line.size
    place.mlops("apply", "--yes")
    assert place.words() == {}
    scored = duckdb.sql(f"SELECT count(*), count(DISTINCT id) FROM '{root}/scores/killed/*.parquet'").fetchall()
    assert scored == [(ROWS, ROWS)]
    ledger = read_interval_ledger(root / "scores/killed").values()
    assert (len(ledger), sum(line.rows for line in ledger)) == (DAYS, ROWS)
    assert not list((root / "scores/killed").glob(".*.part"))
    return ended, time.monotonic() - started


def test_apply_of_a_batch_that_is_killed_has_each_row_once(small: Workplace) -> None:
    try:
        score_killed(small, 5, 1)
    finally:
        (small.root / "conf/batch/killed.yaml").unlink()
        small.mlops("apply", "--yes")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        place = make_small(Path(folder) / "project")
        try:
            place.mlops("apply", "--yes")
            ended, seconds = score_killed(place, int(sys.argv[1]), 2)
            print(
                f"{sys.argv[1]} kills, {ended} applies that ended before: {ROWS:,} rows once each, in {seconds:.0f} s"
            )
        finally:
            place.mlops("destroy", "--yes", code=None)
