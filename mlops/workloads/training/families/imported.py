"""Take over a model that was trained elsewhere.

Lives here: ImportedFamily.
Not here: what it may say (config.schema.families.imported), reading its file (foreign).
Law: nothing is learned; what is kept is a graph, whatever was brought.
"""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path
from typing import Any

from mlops.config.schema.families.imported import Imported
from mlops.config.schema.model import Model
from mlops.metrics.task import Task
from mlops.workloads.features.encoder import EncodedColumn
from mlops.workloads.stage import read_params
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import Encoded, Family, Fit, Fitted
from mlops.workloads.training.families.fitted_onnx import FittedOnnx
from mlops.workloads.training.families.foreign.files import ModelFile, model_file
from mlops.workloads.training.families.foreign.onnx_graph import (
    check_count,
    columns_graph,
    features_graph,
    output_width,
    passed_on,
    read_onnx,
    refused,
)
from mlops.workloads.training.families.sklearn import FittedEstimator

_ESTIMATED = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)


class ImportedFamily(Family):
    """Reads the file once, when its stage begins."""

    def begin(self, spec: Model, name: str) -> None:
        pinned = read_params("model", name)["train"].get("fingerprint", {}).get("architecture.uri")
        self._file = model_file(_chosen(spec), pinned)

    def encode(self, spec: Model, data: PreparedData) -> Encoded:
        chosen = _chosen(spec)
        if chosen.inputs == "features":
            return super().encode(spec, data)
        if self._file.kind != "onnx":
            raise refused(
                chosen.uri, "of skops files, `inputs: features` alone is read. Convert it with skl2onnx.to_onnx"
            )
        graph = columns_graph(chosen.uri, read_onnx(chosen.uri, self._file.path, chosen.output), data.types)
        width = graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value
        return Encoded(graph, [EncodedColumn(f"output {place}") for place in range(width)])

    def fit(self, fit: Fit) -> Fitted:
        chosen, task = _chosen(fit.spec), fit.spec.task
        if self._file.kind == "skops":
            return _estimator(self._file, chosen, fit)
        if chosen.inputs == "columns":
            check_count(chosen.uri, fit.width, task, len(fit.classes))
            return FittedOnnx(passed_on(fit.width, task))
        model = read_onnx(chosen.uri, self._file.path, chosen.output)
        count = output_width(model)
        if count is not None:
            check_count(chosen.uri, count, task, len(fit.classes))
        fitted = FittedOnnx(features_graph(chosen.uri, model, fit.width, task))
        predicted = fitted.predict(fit.val.x[:2])
        check_count(chosen.uri, 1 if predicted.ndim == 1 else predicted.shape[1], task, len(fit.classes))
        return fitted

    def load(self, folder: Path, description: Description) -> FittedOnnx:
        return FittedOnnx.load(folder)


def _chosen(spec: Model) -> Imported:
    assert isinstance(spec.architecture, Imported)
    return spec.architecture


def _estimator(file: ModelFile, chosen: Imported, fit: Fit) -> Fitted:
    """Return an estimator of scikit-learn. Raises MlopsError where the file holds a type that nobody trusts."""
    import skops.io

    if fit.spec.task not in _ESTIMATED:
        raise refused(chosen.uri, f"a skops file is read for {', '.join(_ESTIMATED)}; convert it with skl2onnx.to_onnx")
    try:
        unknown = [name for name in skops.io.get_untrusted_types(file=file.path) if name not in chosen.trust]
        if unknown:
            raise refused(
                chosen.uri,
                f"it holds types that are not trusted: {', '.join(unknown)}. If you know them, list them under "
                "`architecture.trust`; they run when the file is read",
            )
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # scikit-learn's about versions: `export` holds the graph against the estimator
            estimator: Any = skops.io.load(file.path, trusted=list(chosen.trust))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise refused(chosen.uri, f"it is no skops file: {error}") from error
    expected = getattr(estimator, "n_features_in_", fit.width)
    if expected != fit.width:
        raise refused(
            chosen.uri,
            f"it was fitted on {expected} features, and the data set makes {fit.width}. Bring the features into its order, or choose "
            "another `encoding`",
        )
    fitted = FittedEstimator(estimator, chosen.uri, fit.spec.task, fit.width)
    predicted = fitted.predict(fit.val.x[:2])
    check_count(chosen.uri, 1 if predicted.ndim == 1 else predicted.shape[1], fit.spec.task, len(fit.classes))
    return fitted
