"""Write the baseline of a monitor.

Lives here: the program that a monitor's create and update run.
Not here: comparing with it (drift).
Law: made from the train split and from what the model says of it, so that rows like those it learned from are no drift.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow.parquet as pq

from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.watcher import BaselineFile, DriftTests, WatcherConfig
from mlops.workloads.answer_row import answer_row
from mlops.workloads.features.columns import categorical_columns, read_columns
from mlops.workloads.features.images import ImageForm
from mlops.workloads.monitoring.facts import facts_of
from mlops.workloads.monitoring.profile import PREDICTION, Profile, is_prediction, prediction_column
from mlops.workloads.monitoring.values import reader_of

_MOST_ROWS = 100_000


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
        parts = own.kinds if own else {"": "text" if contract["task"] == "multiclass" else "number"}
        kinds |= {prediction_column(part): kind for part, kind in parts.items()}
    return {name: kind for name, kind in kinds.items() if name not in drift.ignore}


def compared_predictions(contract: dict[str, Any], raw: list[Any]) -> dict[str, list[Any]]:
    """Return column -> what of raw predictions is compared: the probability, the number, or the most likely class; where a row
    is more than that, what its task says."""
    own = answer_row(contract)
    if own is not None:
        rows = [own.compared(values) for values in raw]
        return {prediction_column(part): [row[part] for row in rows] for part in own.kinds}
    if contract["task"] == "multiclass":
        return {PREDICTION: [str(contract["classes"][int(np.argmax(values))]) for values in raw]}
    return {PREDICTION: [float(value) for value in raw]}


def write_baseline(config: WatcherConfig) -> None:
    """Write baseline.bin and baseline.json into `baseline_dir`."""
    contract = json.loads(Path(config.contract).read_text())
    schema = json.loads(Path(config.schema).read_text())
    kinds = kinds_of(contract, schema, config.drift)
    train = Path(config.schema).parent / "train.parquet"
    table = pq.read_table(train)
    step = max(1, -(-table.num_rows // _MOST_ROWS))
    chosen = np.arange(0, table.num_rows, step)
    sample = table.take(chosen)
    types = {column["name"]: column["type"] for column in contract["columns"]}
    readers = {name: reader_of(kind, types.get(name)) for name, kind in kinds.items() if not is_prediction(name)}
    columns: dict[str, Any] = {
        name: [read(value) for value in sample[name].to_pylist()] for name, read in readers.items()
    }
    if any(map(is_prediction, kinds)):
        forms = {column["name"]: ImageForm.of(column) for column in contract["columns"] if "image" in column}
        inputs = {name: values[chosen] for name, values in read_columns(train, types, forms).items()}
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        model = str(Path(config.contract).parent / "model.onnx")
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        columns |= compared_predictions(contract, session.run(None, inputs)[0].tolist())
        columns = {name: columns[name] for name in kinds}
    profile = Profile.of(columns, kinds)
    predictions = {
        name: np.array(columns[name]) for name, kind in kinds.items() if is_prediction(name) and kind == "number"
    }
    out = Path(config.baseline_dir)
    out.mkdir(parents=True, exist_ok=True)
    profile.write(out / "baseline.bin")
    written = BaselineFile(
        kinds=kinds, rows=profile.rows, digest=config.baseline_digest, metrics=config.metrics, task=contract["task"],
        profile=hashlib.sha256((out / "baseline.bin").read_bytes()).hexdigest(),
        columns=facts_of({name: table[name] for name in readers}, kinds, types, predictions),
    )  # fmt: skip
    (out / "baseline.json").write_text(encode(written, indent=2) + "\n")


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
