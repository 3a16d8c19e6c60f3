"""Find principal components.

Lives here: PcaFamily; with scikit-learn.
Not here: what it may say (config.schema.families.pca).
Law: one thread and the whole decomposition, so that equal rows give equal components.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits

from mlops.workloads.stage import failed
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import Family, Fit
from mlops.workloads.training.families.fitted_graph import FittedGraph, GraphWriter
from mlops.workloads.training.families.fitted_onnx import FittedOnnx


class PcaFamily(Family):
    def fit(self, fit: Fit) -> FittedGraph:
        spec: Any = fit.spec.architecture
        most = min(fit.train.x.shape)
        if spec.components > most:
            raise failed(
                "too many components",
                f"`architecture.components` is {spec.components}, and {len(fit.train.x):,} rows of {fit.width} features have "
                f"{most} at most. Lower it.",
            )
        estimator = PCA(spec.components, whiten=spec.whiten, svd_solver="full")
        with threadpool_limits(1):
            found = estimator.fit(fit.train.x.astype(np.float64))

        def own(rows: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
            components: npt.NDArray[Any] = found.transform(rows.astype(np.float64))
            return components

        shares = [round(float(share), 6) for share in found.explained_variance_ratio_]
        return FittedGraph(_graph(found), own=own, summary={"output": "components", "explained": shares})

    def load(self, folder: Path, description: Description) -> FittedOnnx:
        return FittedOnnx.load(folder)


def _graph(found: PCA) -> onnx.ModelProto:
    axes = found.components_.T
    if found.whiten:
        # scikit-learn leaves a component without variance as it is.
        deviations = np.sqrt(found.explained_variance_)
        axes = axes / np.where(deviations > np.finfo(np.float64).eps, deviations, np.finfo(np.float64).eps)
    writer = GraphWriter(axes.shape[0])
    centred = writer.add("Sub", [writer.x, writer.const(found.mean_)])
    return writer.finish(writer.add("MatMul", [centred, writer.const(axes)]), axes.shape[1])
