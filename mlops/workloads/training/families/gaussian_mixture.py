"""Find clusters that are normal distributions.

Lives here: GaussianMixtureFamily; with scikit-learn.
Not here: what it may say (config.schema.families.gaussian_mixture).
Law: one thread, so that sums are added in one order; clusters are numbered by their weight.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from mlops.workloads.stage import failed
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import Family, Fit
from mlops.workloads.training.families.fitted_graph import FittedGraph, GraphWriter
from mlops.workloads.training.families.fitted_onnx import FittedOnnx
from mlops.workloads.training.unlabelled import enough_rows


class GaussianMixtureFamily(Family):
    def fit(self, fit: Fit) -> FittedGraph:
        spec: Any = fit.spec.architecture
        x = fit.train.x.astype(np.float64)
        enough_rows(len(x), spec.clusters, "architecture.clusters")
        estimator = GaussianMixture(
            spec.clusters, covariance_type=spec.covariance, n_init=spec.restarts, max_iter=spec.max_steps,
            reg_covar=spec.regularize, random_state=fit.spec.trainer.seed,
        )  # fmt: skip
        found = _fitted(estimator, x)
        order = np.argsort(-found.weights_, kind="stable")

        def own(rows: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
            probabilities: npt.NDArray[Any] = found.predict_proba(rows.astype(np.float64))[:, order]
            return probabilities

        summary = {
            "output": "probabilities", "weights": [round(float(share), 6) for share in found.weights_[order]],
            "steps": int(found.n_iter_), "converged": bool(found.converged_),
        }  # fmt: skip
        return FittedGraph(_graph(found, order), own=own, summary=summary)

    def load(self, folder: Path, description: Description) -> FittedOnnx:
        return FittedOnnx.load(folder)


def _fitted(estimator: GaussianMixture, x: npt.NDArray[np.float64]) -> GaussianMixture:
    try:
        with threadpool_limits(1), warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            return estimator.fit(x)
    except ValueError as error:
        raise failed(
            "clusters cannot be found",
            f"A distribution became too narrow: {error} Raise `architecture.regularize`, ask for fewer `clusters`, or say "
            "`covariance: diag`.",
        ) from error


def _graph(found: GaussianMixture, order: npt.NDArray[Any]) -> onnx.ModelProto:
    """Return the probabilities of the clusters.

    With P the Cholesky factor of a precision, the logarithm of a density is log det P - (|xP - mP|² + W log 2π) / 2; the
    last term is equal for all clusters, and falls out.
    """
    means = found.means_[order]
    factors = _factors(found)[order]
    count, width = means.shape
    logs = np.log(found.weights_[order]) + np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
    writer = GraphWriter(width)
    side_by_side = np.concatenate(list(factors), axis=1)
    shifts = np.einsum("kw,kwv->kv", means, factors)
    moved = writer.add("MatMul", [writer.x, writer.const(side_by_side)])
    each = writer.add("Reshape", [moved, writer.const([-1, count, width], np.int64)])
    centred = writer.add("Sub", [each, writer.const(shifts)])
    squares = writer.add("ReduceSumSquare", [centred, writer.const([2], np.int64)], keepdims=0)
    halves = writer.add("Mul", [squares, writer.const(-0.5)])
    logits = writer.add("Add", [halves, writer.const(logs)])
    return writer.finish(writer.add("Softmax", [logits], axis=1), count)


def _factors(found: GaussianMixture) -> npt.NDArray[np.float64]:
    """Return the Cholesky factor of each cluster's precision, `[K, W, W]`."""
    given = found.precisions_cholesky_
    width = found.means_.shape[1]
    factors: npt.NDArray[np.float64]
    match found.covariance_type:
        case "diag":
            factors = np.stack([np.diag(one) for one in given])
        case "spherical":
            factors = np.stack([np.eye(width) * one for one in given])
        case _:
            factors = given
    return factors
