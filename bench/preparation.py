"""How long preparing a data set takes, and how much memory.

Lives here: one table as CSV and as Parquet, prepared by mlops and by what a user would write with pandas or polars (peer_frames).
Not here: reading the project (plan), training.
Law: all read the same file, sort by every column, so that equal rows give equal files, clip a column, split by time, write
three files and describe the train split; whole processes, turn by turn.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from bench.command import ROOT, Peer, costs_of, row

ROWS = (5_000_000, 20_000_000)
FASTER_THAN_PANDAS, FASTER_THAN_POLARS = 3.0, 1.0
MEMORY, PEAK_MB = "2Gi", 2048.0
_ROWS = """SELECT DATE '2013-01-01' + (hash(i, 1) % 730)::INT AS date, (hash(i, 2) % 24)::INT AS hour,
['AA', 'UA', 'DL', 'B6', 'WN', 'EV', 'MQ'][1 + (hash(i, 3) % 7)::INT] AS carrier, 'N' || (10000 + hash(i, 4) % 4000) AS tailnum,
((hash(i, 5) % 480000) / 100.0)::DOUBLE AS distance,
CASE WHEN hash(i, 6) % 50 = 0 THEN NULL ELSE round(((hash(i, 7) % 1000000) / 1e6 - 0.5) * 80, 3)::DOUBLE END AS temp,
(hash(i, 8) % 400)::INT AS seats, (hash(i, 9) % 5 = 0) AS late FROM range({count}) t(i)"""
_STAGE = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); from mlops.workloads.data.prepare import prepare; prepare('rows')"
)


def rows(repeat: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        for count in ROWS:
            for ending in ("csv", "parquet"):
                found += _measured(Path(name), count, ending, min(repeat, 3 if count == min(ROWS) else 1))
    return found


def _measured(folder: Path, count: int, ending: str, repeat: int) -> list[dict[str, Any]]:
    source = folder / f"rows.{ending}"
    _write(source, count)
    _say(folder, source)
    words = [[sys.executable, "-c", _STAGE, str(ROOT)]]
    words += [[sys.executable, str(ROOT / "bench/peer_frames.py"), name, str(source)] for name in ("pandas", "polars")]
    os.environ["MLOPS_PREPARE_MEMORY"] = MEMORY
    ours, pandas, polars = costs_of([Peer(command, folder) for command in words], repeat)
    del os.environ["MLOPS_PREPARE_MEMORY"]
    source.unlink()
    what = f"prepare {count:,} rows of {ending}"
    budgets = ((pandas, "pandas", FASTER_THAN_PANDAS), (polars, "polars", FASTER_THAN_POLARS))
    times = [
        {"name": f"{what}, s (peer: {name})", "ours": ours.seconds, "peer": peer.seconds, "ratio": peer.seconds / ours.seconds,
         "budget": least, "holds": peer.seconds / ours.seconds >= least}
        for peer, name, least in budgets
    ]  # fmt: skip
    peaks = [
        row(f"{what}, peak MB, limit {MEMORY} (peer: {name})", ours.megabytes, peer.megabytes, PEAK_MB)
        for peer, name, _ in budgets
    ]
    return [*times, *peaks]


def _write(path: Path, count: int) -> None:
    options = "FORMAT parquet" if path.suffix == ".parquet" else "FORMAT csv, HEADER"
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({_ROWS.format(count=count)}) TO '{path}' ({options})")


def _say(folder: Path, source: Path) -> None:
    """Write the parameters of the stage."""
    with source.open("rb") as file:
        pinned = hashlib.file_digest(file, "md5").hexdigest()
    section = {
        "sources": {"rows": {"uri": source.name}}, "fingerprint": {"rows": pinned}, "label": "late", "code": "",
        "features": {"numeric": ["distance", "temp", "seats"], "categorical": ["carrier", "tailnum"], "cyclic": {"hour": 24}},
        "clean": {"temp": {"clip": [-38, 38]}},
        "split": {"by": "time", "column": "date", "val": "1 month", "test": "3 months", "until": "2014-12-31"},
    }  # fmt: skip
    path = folder / "params/dataset/rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"prepare": section}))
