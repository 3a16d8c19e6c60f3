"""Train a model.

Lives here: train, the whole of the stage.
Not here: moving weights (learn), judging (kinds).
Law: what is written varies with data and parameters alone: no time, no path, no name of a machine.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from pydantic import TypeAdapter
from safetensors.torch import save_file

from mlops.config.schema.model import Custom, Linear, Mlp, Model
from mlops.contracts.stage_params import TrainParams
from mlops.workloads.features.fit import fit
from mlops.workloads.features.graph import Graph, build_graph
from mlops.workloads.stage import failed, read_params, say, write_json
from mlops.workloads.training.data import PreparedData, classes_of, targets
from mlops.workloads.training.learn import Learner, Rows, learn
from mlops.workloads.training.network import Predictor, build_network, logits_of
from mlops.workloads.training.ranks import Ranks
from mlops.workloads.training.task import Task

_CHUNK = 65_536


def train(name: str, *, root: Path = Path()) -> None:
    """Write models/NAME/train/; of several processes under torchrun, the first does. Raises MlopsError for data that cannot
    be learned from."""
    spec = Model.model_validate(TrainParams.of(read_params("model", name)["train"]).spec)
    if spec.trainer.devices > 1 and not Ranks.are_told():
        Ranks.start(spec.trainer.devices, name)
    ranks = Ranks.of()
    data = PreparedData.open(spec.dataset, root)
    lightning.seed_everything(spec.trainer.seed, verbose=False)
    torch.set_num_threads(spec.trainer.threads)
    say("fitting features", 0.0)
    columns = data.columns("train")
    encoders = fit(data.schema, columns)
    graph = build_graph(encoders).SerializeToString(deterministic=True)
    transform = Graph(graph)
    labels = {split: data.labels(split) for split in ("train", "val", "test")}
    classes = classes_of(spec.task, labels["train"])
    rows: dict[str, Rows] = {}
    for split in ("train", "val", "test"):
        x = transform(columns if split == "train" else data.columns(split))
        y = targets(spec.task, labels[split], classes)
        rows[split] = Rows(torch.from_numpy(x), torch.from_numpy(y))
    width = rows["train"].x.shape[1]
    network = build_network(spec.architecture, width=width, outputs=logits_of(spec.task, len(classes)))
    learner = Learner(
        network, spec.task, spec.effective_loss, spec.optimizer, val=rows["val"],
        weights=_weights(spec, rows["train"].y, len(classes)),
    )  # fmt: skip
    say("training", 0.1)
    learn(learner, rows["train"], spec.trainer, ranks)
    if not ranks.is_first:
        return
    network = learner.network.to("cpu").eval()
    predictions = {split: predict(network, spec.task, rows[split].x) for split in ("val", "test")}
    _finite(predictions)
    _write(root / "models" / name / "train", spec, learner, classes, graph, predictions, rows)


def _weights(spec: Model, y: torch.Tensor, classes: int) -> torch.Tensor | None:
    if not spec.effective_loss.balance:
        return None
    if spec.task == "binary":
        positive = y.sum()
        return (len(y) - positive) / positive
    counts = torch.bincount(y, minlength=classes).clamp(min=1)
    return len(y) / (classes * counts.float())


def predict(network: torch.nn.Module, task: Task, x: torch.Tensor) -> npt.NDArray[Any]:
    predictor = Predictor(network, task).eval()
    with torch.no_grad():
        parts = [predictor(x[start : start + _CHUNK]).numpy() for start in range(0, len(x), _CHUNK)]
    return np.concatenate(parts)


def _finite(predictions: dict[str, npt.NDArray[Any]]) -> None:
    for split, values in predictions.items():
        if not np.isfinite(values).all():
            raise failed(
                "prediction is not a number",
                f"The trained network answers NaN or infinity on {split}. Lower `optimizer.lr`, or set "
                "`trainer.gradient_clip`.",
            )


def _write(
    out: Path, spec: Model, learner: Learner, classes: list[Any], graph: bytes,
    predictions: dict[str, npt.NDArray[Any]], rows: dict[str, Rows],
) -> None:  # fmt: skip
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "features.onnx").write_bytes(graph)
    state = {key: value.contiguous() for key, value in learner.network.state_dict().items()}
    save_file(dict(sorted(state.items())), out / "network.safetensors")
    width = int(rows["train"].x.shape[1])
    network = {
        "architecture": spec.architecture.model_dump(mode="json", by_alias=True), "task": spec.task, "classes": classes,
        "width": width, "outputs": logits_of(spec.task, len(classes)), "dataset": spec.dataset,
    }  # fmt: skip
    write_json(out / "network.json", network)
    write_json(out / "history.json", learner.history)
    write_json(out / "summary.json", {
        "epochs": len(learner.history), "width": width,
        "rows": {split: len(told.x) for split, told in rows.items()},
    })  # fmt: skip
    pq.write_table(_table(predictions), out / "predictions.parquet", compression="zstd")


def _table(predictions: dict[str, npt.NDArray[Any]]) -> pa.Table:
    """Columns `split`, and `prediction` (a number, or a list of one for each class)."""
    splits = [split for split, values in predictions.items() for _ in range(len(values))]
    stacked = np.concatenate(list(predictions.values()))
    values = pa.array(stacked) if stacked.ndim == 1 else pa.array(list(stacked))
    return pa.table({"split": pa.array(splits), "prediction": values})


def read_network(folder: Path) -> tuple[torch.nn.Module, dict[str, Any]]:
    """The trained network, in evaluation mode, and network.json."""
    import json

    from safetensors.torch import load_file

    told: dict[str, Any] = json.loads((folder / "network.json").read_text())
    adapter: TypeAdapter[Mlp | Linear | Custom] = TypeAdapter(Mlp | Linear | Custom)
    network = build_network(adapter.validate_python(told["architecture"]), width=told["width"], outputs=told["outputs"])
    network.load_state_dict(load_file(folder / "network.safetensors"))
    return network.eval(), told
