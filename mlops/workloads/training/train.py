"""Train a model.

Lives here: train, the whole of the stage, and Learned, what a family learns from.
Not here: learning (families), judging (kinds).
Law: what is written varies with data and parameters alone: no time, no path, no name of a machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from mlops.config.schema.model import Model
from mlops.config.schema.searched import with_values
from mlops.contracts.stage_params import TrainParams
from mlops.workloads.features.graph import Graph
from mlops.workloads.features.pictures import Picture
from mlops.workloads.stage import failed, read_params, say, write_json
from mlops.workloads.training.data import PreparedData, as_truth, classes_of, targets
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.families.family import Encoded, Examples, Family, Fit, Fitted, family_named, output_count
from mlops.workloads.training.run_log import RUNS, RunLog
from mlops.workloads.training.unlabelled import label_classes, names_of

_SPLITS = ("train", "val", "test")


def train(name: str, *, root: Path = Path()) -> None:
    """Write models/NAME/train/; of several processes of a family, one does. Raises MlopsError for data that cannot be
    learned from."""
    params = read_params("model", name)
    section = params["train"]
    chosen = json.loads((root / "models" / name / "tune" / "chosen.json").read_text()) if "tune" in params else {}
    spec = Model.model_validate(with_values(TrainParams.of(section).spec, chosen))
    family = family_named(spec.architecture.name)
    family.begin(spec, name)
    data = PreparedData.open(spec.dataset, root)
    say("fitting features", 0.0)
    learned = Learned.of(spec, family, data)
    encoded, classes, examples = learned.encoded, learned.classes, learned.examples
    say("training", 0.1)
    checkpoint = Checkpoint(
        root / ".mlops/checkpoints" / name,
        lambda: _identity({**section, "chosen": chosen} if chosen else section, data),
    )
    log = RunLog()
    if os.environ.get("RANK", "0") == "0":
        log = RunLog.begin(root / RUNS, name, goes_on=checkpoint.read() is not None)
    fitted = family.fit(
        Fit(spec, examples["train"], examples["val"], classes, encoded.columns, checkpoint, encoded.pictures, log)
    )
    if fitted is None:
        return
    predictions = {split: fitted.predict(examples[split].x) for split in ("val", "test")}
    for split, values in predictions.items():
        if not np.isfinite(values).all():
            raise failed(
                "prediction is not a number", f"The trained model answers NaN or infinity on {split}. {family.advice}"
            )
    classes = names_of(spec.task, classes, predictions["test"])
    out = root / "models" / name / "train"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "features.onnx").write_bytes(learned.graph)
    _write(out, spec, classes, fitted, examples, encoded.pictures)
    pq.write_table(_table(predictions), out / "predictions.parquet", compression="zstd")
    checkpoint.clear()
    log.finish(out)


@dataclass(frozen=True)
class Learned:
    """What a family learns from. `graph`: that of `encoded`, as bytes. `examples`: of each split."""

    encoded: Encoded
    graph: bytes
    classes: list[Any]
    examples: dict[str, Examples]

    @classmethod
    def of(cls, spec: Model, family: Family, data: PreparedData, splits: Sequence[str] = _SPLITS) -> Learned:
        """Raises MlopsError for labels that do not fit the task."""
        encoded = family.encode(spec, data)
        graph = encoded.graph.SerializeToString(deterministic=True)
        return cls(encoded, graph, *_examples(spec, data, Graph(graph), splits))


def _examples(
    spec: Model, data: PreparedData, transform: Graph, splits: Sequence[str]
) -> tuple[list[Any], dict[str, Examples]]:
    """Return the classes of the label, and the examples of each of the splits."""
    if not spec.task.is_labelled:
        none = np.empty(0, np.float32)
        unlabelled = {split: Examples(transform(data.columns(split)), none) for split in splits}
        return label_classes(spec.task, data), unlabelled
    labels = {split: data.labels(split) for split in splits}
    classes = data.names(spec.task, spec.levels) or classes_of(spec.task, labels["train"])
    examples: dict[str, Examples] = {}
    for split in splits:
        x = transform(data.columns(split))
        y = targets(spec.task, labels[split], classes)
        truth = as_truth(spec.task, data, split, classes, y) if spec.task.is_vector else None
        weights = data.weights(split, spec.loss.row_weights) if spec.loss and spec.loss.row_weights else None
        examples[split] = Examples(x, y, truth, weights)
    return classes, examples


def _identity(section: Mapping[str, Any], data: PreparedData) -> bytes:
    """Tell one training from another: its parameters, its code, and the rows that it learns from."""
    files = [(data.folder / f"{split}.parquet").read_bytes() for split in ("train", "val")]
    return json.dumps(section, sort_keys=True).encode() + b"".join(hashlib.sha256(file).digest() for file in files)


def _write(
    out: Path, spec: Model, classes: Sequence[Any], fitted: Fitted, examples: Mapping[str, Examples],
    pictures: Sequence[Picture],
) -> None:  # fmt: skip
    width = int(examples["train"].x.shape[1])
    architecture = spec.architecture.model_dump(mode="json", by_alias=True)
    outputs = output_count(spec.task, classes)
    written = [asdict(picture) for picture in pictures]
    Description(architecture, spec.task, classes, width, outputs, spec.dataset, written).write(out)
    fitted.save(out)
    write_json(out / "history.json", list(fitted.logged))
    rows = {split: len(part.x) for split, part in examples.items()}
    write_json(out / "summary.json", {**fitted.summary, "width": width, "rows": rows})


def _table(predictions: dict[str, npt.NDArray[Any]]) -> pa.Table:
    """Columns `split`, and `prediction` (a number, or a list of one for each class)."""
    splits = [split for split, values in predictions.items() for _ in range(len(values))]
    stacked = np.concatenate(list(predictions.values()))
    values = pa.array(stacked) if stacked.ndim == 1 else pa.array(list(stacked))
    return pa.table({"split": pa.array(splits), "prediction": values})
