"""Find clusters around centres.

Lives here: KMeansFamily; with scikit-learn.
Not here: what it may say (config.schema.families.k_means).
Law: one thread, so that sums are added in one order; clusters are numbered by their size.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import Family, Fit
from mlops.workloads.training.families.fitted_graph import FittedGraph, GraphWriter
from mlops.workloads.training.families.fitted_onnx import FittedOnnx
from mlops.workloads.training.unlabelled import enough_rows


class KMeansFamily(Family):
    def fit(self, fit: Fit) -> FittedGraph:
        spec: Any = fit.spec.architecture
        x = fit.train.x.astype(np.float64)
        enough_rows(len(x), spec.clusters, "architecture.clusters")
        estimator = KMeans(
            spec.clusters, n_init=spec.restarts, max_iter=spec.max_steps, random_state=fit.spec.trainer.seed,
        )  # fmt: skip
        with threadpool_limits(1):
            found = estimator.fit(x)
        sizes = np.bincount(found.labels_, minlength=spec.clusters)
        order = np.argsort(-sizes, kind="stable")
        centres = found.cluster_centers_[order]

        def own(rows: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
            distances: npt.NDArray[Any] = found.transform(rows.astype(np.float64))[:, order]
            return distances

        summary = {"output": "distances", "sizes": sizes[order].tolist(), "steps": int(found.n_iter_)}
        return FittedGraph(_graph(centres), own=own, summary=summary)

    def load(self, folder: Path, description: Description) -> FittedOnnx:
        return FittedOnnx.load(folder)


def _graph(centres: npt.NDArray[np.float64]) -> onnx.ModelProto:
    """Return the distances to each centre: the root of x² - 2xc + c², in DOUBLE."""
    writer = GraphWriter(centres.shape[1])
    squares = writer.add("ReduceSumSquare", [writer.x, writer.const([1], np.int64)], keepdims=1)
    products = writer.add("MatMul", [writer.x, writer.const(-2 * centres.T)])
    total = writer.add("Add", [writer.add("Add", [squares, products]), writer.const((centres**2).sum(axis=1))])
    distances = writer.add("Sqrt", [writer.add("Max", [total, writer.const(0.0)])])
    return writer.finish(distances, len(centres))
