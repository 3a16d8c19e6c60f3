"""How fast rows are scored in batches.

Lives here: scoring of a Parquet file, by mlops and by onnxruntime driven by hand over the same file.
Not here: training the model that scores.
Law: the same model, file and cores for both, turn by turn, each in a process of its own; both write what they predict.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.command import ROOT

ROWS = int(os.environ.get("MLOPS_BENCH_BATCH_ROWS", "10000000"))
"""Rows to score; less where the machine is busy."""
BUDGET = 0.8
_DAYS = 10


def rows(repeat: int) -> list[dict[str, Any]]:
    model = Path(os.environ.get("MLOPS_BENCH_BATCH_MODEL", ROOT / "models/delay/export"))
    ours: list[dict[str, float]] = []
    peer: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as folder:
        place = Path(folder)
        _in_process("make", place, model)
        for turn in range(max(1, min(repeat, 3))):
            both = [("ours", ours), ("peer", peer)]
            for name, into in both if turn % 2 == 0 else reversed(both):
                into.append(_in_process(name, place, model))
    seconds = {
        name: statistics.median(one["seconds"] for one in runs) for name, runs in (("ours", ours), ("peer", peer))
    }
    ratio = seconds["peer"] / seconds["ours"]
    memory = [f"{statistics.median(one['memory'] for one in runs) / 2**20:,.0f} MiB" for runs in (ours, peer)]
    return [
        {
            "name": f"batch: {ROWS:,} rows a second, against onnxruntime by hand; peak memory {memory[0]} against {memory[1]}",
            "ours": ROWS / seconds["ours"], "peer": ROWS / seconds["peer"], "ratio": ratio, "budget": f">= {BUDGET}",
            "holds": ratio >= BUDGET,
        }
    ]  # fmt: skip


def _in_process(what: str, place: Path, model: Path) -> dict[str, float]:
    words = [sys.executable, "-m", "bench.batch", what, str(place), str(model)]
    ended = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def _make(place: Path, model: Path) -> None:
    """Write a file of ROWS rows, of days in their order: the golden rows of the model, numbers a little changed."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    contract = json.loads((model / "contract.json").read_text())
    golden = json.loads((model / "golden.json").read_text())["rows"]
    chance = np.random.default_rng(1)
    part = 500_000
    writer = None
    for start in range(0, ROWS, part):
        count = min(part, ROWS - start)
        chosen = chance.integers(0, len(golden), count)
        columns: dict[str, Any] = {"id": pa.array(np.arange(start, start + count))}
        first = np.datetime64("2013-12-01T00:00:00", "us")
        day = (np.arange(start, start + count) * _DAYS // ROWS).astype("timedelta64[D]").astype("timedelta64[us]")
        columns["scored_on"] = pa.array(first + day)
        for column in contract["columns"]:
            values = pa.array([row.get(column["name"]) for row in golden], _TYPES.get(column["type"]))
            taken = values.take(pa.array(chosen))
            if column["type"] == "float":
                taken = pa.array(taken.to_numpy(zero_copy_only=False) * (1 + chance.normal(0, 0.01, count)))
            columns[column["name"]] = taken
        table = pa.table(columns)
        writer = writer or pq.ParquetWriter(place / "rows.parquet", table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()


def _ours(place: Path, model: Path) -> None:
    from mlops.contracts.scoring import InputTables, ScoringConfig
    from mlops.workloads.scoring.score import score_batch

    (place / "api.json").write_text('{"max_rows": 10000, "gather": true, "threads": 1}')
    served = place / "model"
    served.mkdir(exist_ok=True)
    for path in [*model.iterdir(), place / "api.json"]:
        (served / path.name).unlink(missing_ok=True)
        (served / path.name).symlink_to(path.absolute())
    config = ScoringConfig(
        batch="batch.bench", version="v", package="p", model=str(served), folder=f"out-{time.time_ns()}", lock="lock",
        input=InputTables(tables={"input": {"uri": "rows.parquet"}}, time="scored_on", interval=86400.0),
        columns=("id", "scored_on"),
    )  # fmt: skip
    score_batch(config, place)


def _peer(place: Path, model: Path) -> None:
    """What people write: batches of a Parquet file, arrays of them, onnxruntime with all cores, a Parquet file of answers."""
    import numpy as np
    import onnxruntime
    import pyarrow as pa
    import pyarrow.parquet as pq

    contract = json.loads((model / "contract.json").read_text())
    session = onnxruntime.InferenceSession(str(model / "model.onnx"), providers=["CPUExecutionProvider"])
    file = pq.ParquetFile(place / "rows.parquet")
    schema = pa.schema([("id", pa.int64()), ("scored_on", pa.timestamp("us")), ("probability", pa.float64())])
    with pq.ParquetWriter(place / "peer.parquet", schema, compression="zstd") as writer:
        for batch in file.iter_batches(batch_size=65_536):
            inputs = {}
            for column in contract["columns"]:
                values = batch[column["name"]]
                if column["type"] == "string":
                    inputs[column["name"]] = values.fill_null("").to_numpy(zero_copy_only=False).reshape(-1, 1)
                else:
                    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
                    inputs[column["name"]] = np.asarray(numbers, dtype=np.float64).reshape(-1, 1)
            answer = session.run(None, inputs)[0].reshape(-1).astype(np.float64)
            writer.write_batch(pa.record_batch([batch["id"], batch["scored_on"], pa.array(answer)], schema=schema))


_TYPES: dict[str, Any] = {}


def main() -> None:
    import pyarrow as pa

    _TYPES.update(
        {"float": pa.float64(), "int": pa.int64(), "string": pa.string(), "bool": pa.bool_(), "date": pa.date32()}
    )
    what, place, model = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    started = time.perf_counter()
    {"make": _make, "ours": _ours, "peer": _peer}[what](place, model)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
