"""Make one portable model.

Lives here: export, the whole of the stage: the graphs of features and family joined, contract, golden rows, and the proof.
Not here: training, packing.
Law: the file that is written was run on raw rows and gave what training gave, within 1e-4.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx.inliner
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mlops.contracts.codec import convert
from mlops.contracts.stage_params import ExportParams
from mlops.metrics.task import Task
from mlops.workloads.features.columns import image_forms
from mlops.workloads.features.graph import IR, OUTPUT, Graph
from mlops.workloads.features.images import ImageForm
from mlops.workloads.stage import failed, read_params, say, write_json
from mlops.workloads.training.calibration import calibrated
from mlops.workloads.training.data import PreparedData, targets
from mlops.workloads.training.decision import EVEN, Decision
from mlops.workloads.training.description import Description
from mlops.workloads.training.explanation import write_explainer
from mlops.workloads.training.families.family import INPUT, family_named
from mlops.workloads.training.plain_rows import plain_rows
from mlops.workloads.training.predictions import predictions_of
from mlops.workloads.training.seen import seen_of
from mlops.workloads.training.unlabelled import scale_of

TOLERANCE = 1e-4
GOLDEN_ROWS = 64
GOLDEN_BYTES = 4 * 2**20
"""Of the images of the golden rows."""
_OUTPUTS: dict[Task, str] = {
    Task.BINARY: "probability",
    Task.MULTICLASS: "probabilities",
    Task.REGRESSION: "prediction",
    Task.MULTILABEL: "probabilities",
    Task.QUANTILE: "quantiles",
    Task.FORECASTING: "forecast",
    Task.CLUSTERING: "probabilities",
    Task.ANOMALY: "score",
    Task.REDUCTION: "components",
}
_DOMAIN_NOISE = ("metadata_props", "doc_string")


def export(name: str, *, root: Path = Path()) -> None:
    """Write models/NAME/export/. Raises MlopsError where the file does not predict what training predicted."""
    folder = root / "models" / name / "train"
    description = Description.read(folder)
    fitted = family_named(description.architecture["name"]).load(folder, description)
    data = PreparedData.open(description.dataset, root)
    say("writing the graph", 0.2)
    features = onnx.load(folder / "features.onnx")
    summary = json.loads((folder / "summary.json").read_text())
    output = str(summary.get("output", _OUTPUTS[description.task]))
    joined = join(features, fitted.to_onnx(output))
    predictions = pq.read_table(folder / "predictions.parquet")
    decision = _decision(name, description, data, predictions)
    if decision.calibrator:
        joined = calibrated(joined, decision.calibrator, several=description.task is Task.MULTICLASS)
        onnx.checker.check_model(joined)
    content = joined.SerializeToString(deterministic=True)
    say("comparing with training", 0.7)
    expected = decision.predictions(predictions_of(predictions, "test"))
    columns = data.columns("test")
    got = Graph(content)(columns)
    worst = largest_difference(got, expected)
    if worst > TOLERANCE:
        raise failed(
            "exported model differs",
            f"On the test split the ONNX file differs from training by {worst:.2g}, more than {TOLERANCE:g}. It is not "
            "served. Look for an operator in `_target_` that depends on training mode or on the size of a batch.",
        )
    out = root / "models" / name / "export"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    (out / "model.onnx").write_bytes(content)
    described = contract(name, description, data, decision)
    described["outputs"][0]["name"] = output
    scale = scale_of(summary)
    write_json(out / "contract.json", described if scale is None else {**described, "scale": scale})
    write_json(out / "golden.json", golden(data, expected))
    write_explainer(out, fitted, onnx.load(folder / "features.onnx"), data, description.task)
    say("exported", 1.0)


def _decision(name: str, description: Description, data: PreparedData, predictions: pa.Table) -> Decision:
    params = convert(ExportParams, read_params("model", name)["export"])
    if params.calibration is None and params.threshold is None:
        return Decision()
    truth = targets(description.task, data.labels("val"), list(description.classes))
    return Decision.of(params, truth, predictions_of(predictions, "val"))


def join(features: onnx.ModelProto, fitted: onnx.ModelProto) -> onnx.ModelProto:
    """Return one graph from raw rows to predictions. `fitted`: as a family gives it."""
    fitted.ir_version = features.ir_version = IR
    _quiet(fitted)
    inlined = onnx.inliner.inline_local_functions(fitted)
    del inlined.opset_import[:]
    inlined.opset_import.extend(features.opset_import)
    prefixed = onnx.compose.add_prefix(inlined, "n_", rename_inputs=True, rename_outputs=False)
    joined = onnx.compose.merge_models(features, prefixed, io_map=[(OUTPUT, f"n_{INPUT}")])
    joined.ir_version = IR
    joined.producer_name, joined.producer_version = "mlops", ""
    _quiet(joined)
    for value in (*joined.graph.input, *joined.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    del joined.graph.value_info[:]
    onnx.checker.check_model(joined)
    return joined


def _quiet(model: onnx.ModelProto) -> None:
    """Take out what tools wrote about themselves: it holds paths of the machine."""
    for holder in (model, model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input,
                   *model.graph.output, *model.graph.value_info, *model.functions,
                   *(node for function in model.functions for node in function.node)):  # fmt: skip
        for field in _DOMAIN_NOISE:
            if field in holder.DESCRIPTOR.fields_by_name:
                holder.ClearField(field)


def largest_difference(got: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    """Return how far the worst number is off: as it is, and of a number beyond 1 as a share of it."""
    if not len(got):
        return 0.0
    return float(np.max(np.abs(got - expected) / np.maximum(1.0, np.abs(expected))))


def contract(name: str, description: Description, data: PreparedData, decision: Decision) -> dict[str, Any]:
    task = description.task
    one = task in (Task.BINARY, Task.REGRESSION, Task.ANOMALY)
    shape: list[int | None] = [None] if one else [None, description.outputs]
    forms = image_forms(data.schema)
    return {
        "format": 1, "model": name, "task": task, "label": data.schema["label"], "classes": list(description.classes),
        "columns": [
            {**_column(column, kind, forms.get(column)), "seen": seen_of(data, column)}
            for column, kind in data.types.items()
        ],
        "known": sorted(column["name"] for column in data.schema["columns"] if column["name"] not in data.types),
        "outputs": [{"name": _OUTPUTS[task], "type": "float", "shape": shape}],
        **({"threshold": decision.threshold} if decision.threshold != EVEN else {}),
    }  # fmt: skip


def _column(name: str, kind: str, form: ImageForm | None) -> dict[str, Any]:
    """Return what the contract says of a column. An image must be there: nothing stands for one that is missing."""
    written = {"name": name, "type": kind, "nullable": form is None}
    return written if form is None else {**written, "image": form.written()}


def golden(data: PreparedData, expected: npt.NDArray[Any]) -> dict[str, Any]:
    """Return rows of the test split spread over it, half of them with a missing value where the data have such."""
    raw = data.raw("test").select(list(data.types))
    count = min(GOLDEN_ROWS, raw.num_rows)
    spread = np.linspace(0, raw.num_rows - 1, count).astype(int)
    missing = np.zeros(raw.num_rows, dtype=bool)
    for column in raw.columns:
        missing |= pc.is_null(column).to_numpy(zero_copy_only=False)
    holes = np.flatnonzero(missing)[: count // 2]
    chosen = np.unique(np.concatenate([holes, spread]))
    order = np.argsort(~missing[chosen], kind="stable")
    mixed = [int(i) for pair in zip(chosen[order], chosen[order][::-1], strict=True) for i in pair]
    places = _few_bytes(raw, list(dict.fromkeys(mixed))[:count])
    rows = plain_rows(raw.take(pa.array(places)))
    return {"rows": rows, "predictions": np.asarray(expected)[places].tolist(), "tolerance": TOLERANCE}


def _few_bytes(raw: pa.Table, places: list[int]) -> list[int]:
    """Return the first of the rows whose images together have no more bytes than a request; at least one."""
    images = [column for column in raw.columns if pa.types.is_binary(column.type)]
    if not images:
        return places
    sizes = [sum(len(column[place].as_py() or b"") for column in images) for place in places]
    fitting = int(np.searchsorted(np.cumsum(sizes), GOLDEN_BYTES, side="right"))
    return places[: max(1, fitting)]
