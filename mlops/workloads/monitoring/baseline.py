"""Write the baseline of a monitor.

Lives here: the program that a monitor's create and update run.
Not here: comparing with it (drift).
Law: made from the train split and from what the model says of it, so that rows like those it learned from are no drift.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import structs

from mlops.contracts.calibration import WindowCalibration
from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.watcher import BaselineFile, DriftTests, WatcherConfig
from mlops.workloads.answer_row import answer_row
from mlops.workloads.features.columns import categorical_columns, to_inputs
from mlops.workloads.features.images import ImageForm
from mlops.workloads.monitoring.answers import MODEL_FILE, answers_of
from mlops.workloads.monitoring.binning import as_column
from mlops.workloads.monitoring.calibrate import CHUNK, calibrate
from mlops.workloads.monitoring.facts import facts_of
from mlops.workloads.monitoring.live_reference import live_reference
from mlops.workloads.monitoring.predicted import compared_predictions
from mlops.workloads.monitoring.profile import PREDICTION, Profile, is_prediction, prediction_column
from mlops.workloads.monitoring.values import reader_of

_MOST_ROWS = 400_000
_MOST_PROFILED = 100_000


def kinds_of(contract: dict[str, Any], schema: dict[str, Any], drift: DriftTests) -> dict[str, str]:
    """Return column -> "number" or "text": how each is compared. Dates and times are not: they always move. Images are not
    either: what a model says of them is."""
    categorical = categorical_columns(schema)
    kinds = {
        column["name"]: "text" if column["name"] in categorical or column["type"] in ("string", "bool") else "number"
        for column in contract["columns"] if column["type"] not in ("date", "timestamp", "image")
    }  # fmt: skip
    if drift.predictions and PREDICTION not in drift.ignore:
        own = answer_row(contract)
        several = {"": "text", "confidence": "number"}
        parts = own.kinds if own else several if contract["task"] == "multiclass" else {"": "number"}
        kinds |= {prediction_column(part): kind for part, kind in parts.items()}
    return {name: kind for name, kind in kinds.items() if name not in drift.ignore}


def write_baseline(config: WatcherConfig) -> None:
    """Write baseline.bin, baseline.json and the model that it holds answers against into `baseline_dir`."""
    contract = json.loads(Path(config.contract).read_text())
    schema = json.loads(Path(config.schema).read_text())
    kinds = kinds_of(contract, schema, config.drift)
    types = {column["name"]: column["type"] for column in contract["columns"]}
    forms = {column["name"]: ImageForm.of(column) for column in contract["columns"] if "image" in column}
    table = _in_time(pq.read_table(Path(config.schema).parent / "train.parquet"), config.time_column)
    readers = {name: reader_of(kind, types.get(name)) for name, kind in kinds.items() if not is_prediction(name)}
    sample = table.take(chosen_rows(table.num_rows))
    columns = {name: [read(value) for value in sample[name].to_pylist()] for name, read in readers.items()}
    model = Path(config.contract).parent / "model.onnx"
    if any(map(is_prediction, kinds)):
        columns |= compared_predictions(contract, answers_of(model, to_inputs(sample, types, forms)))
        columns = {name: columns[name] for name in kinds}
    step = max(1, -(-sample.num_rows // _MOST_PROFILED))
    profile = Profile.of({name: values[::step] for name, values in columns.items()}, kinds)
    predictions = {
        name: np.array(columns[name]) for name, kind in kinds.items() if is_prediction(name) and kind == "number"
    }
    out = Path(config.baseline_dir)
    out.mkdir(parents=True, exist_ok=True)
    profile.write(out / "baseline.bin")
    calibration = _calibrated(table, columns, kinds, config)
    reference = live_reference(
        contract, Path(config.schema).parent, lambda rows: answers_of(model, to_inputs(rows, types, forms)),
        calibration.columns if calibration else {}, sample, lambda rows: _in_time(rows, config.time_column),
    )  # fmt: skip
    written = BaselineFile(
        kinds=kinds, rows=profile.rows, digest=config.baseline_digest, metrics=config.metrics, task=contract["task"],
        profile=hashlib.sha256((out / "baseline.bin").read_bytes()).hexdigest(),
        columns=facts_of({name: table[name] for name in readers}, kinds, types, predictions),
        calibration=calibration, reference=reference,
    )  # fmt: skip
    if predictions and not forms:
        shutil.copyfile(model, out / MODEL_FILE)
    (out / "baseline.json").write_text(encode(written) + "\n")


def _in_time(table: pa.Table, column: str | None) -> pa.Table:
    """Return rows in the order of time; those of one time as they lie."""
    if column is None or column not in table.column_names:
        return table
    times = table[column].to_numpy()
    return table if (times[1:] >= times[:-1]).all() else table.take(np.argsort(times, kind="stable"))


def chosen_rows(count: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the rows that are described: all, or chunks of rows that follow each other, evenly spread."""
    if count <= _MOST_ROWS:
        return np.arange(count)
    starts = np.linspace(0, count - CHUNK, _MOST_ROWS // CHUNK).astype(np.int64)
    return (starts[:, None] + np.arange(CHUNK)).ravel()


def _calibrated(
    table: pa.Table, columns: dict[str, Any], kinds: dict[str, str], config: WatcherConfig
) -> WindowCalibration | None:
    arrays = {name: as_column(values, kinds[name]) for name, values in columns.items()}
    made = calibrate(arrays, kinds, method=config.drift.method)
    if made is None or config.time_column is None or config.time_column not in table.column_names:
        return made
    oldest, newest = (table[config.time_column][place].as_py() for place in (0, -1))
    seconds = (newest - oldest).total_seconds()
    rate = table.num_rows / seconds if seconds > 0 else None
    return structs.replace(made, since=oldest.isoformat(), until=newest.isoformat(), rows_per_second=rate)


def main() -> None:
    """Run with CONFIG.json."""
    path = Path(sys.argv[1])
    try:
        config = decode(WatcherConfig, path.read_bytes())
    except ContractError as error:
        sys.exit(f"Error: {path} does not fit: {error}.")
    write_baseline(config)


if __name__ == "__main__":
    main()
