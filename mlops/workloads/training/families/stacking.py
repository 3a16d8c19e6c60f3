"""Weigh predictions.

Lives here: stack, which finds how much each of several predictions counts; losses of rows; links, and chances of what was linked.
Not here: whose predictions these are (ensemble, auto).
Law: weights are not below zero, and few rows leave them nearly equal; equal rows give equal weights.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize

from mlops.metrics.task import Task
from mlops.workloads.metrics.weighted import Array

LEAST_CHANCE = 1e-6
"""The smallest chance that a prediction is believed to give: its logarithm is finite."""
_PULL = 1e-3
"""How strongly weights are drawn to equal ones, which is what few rows say."""


def link(values: Array, task: Task) -> Array:
    clipped = np.clip(values, LEAST_CHANCE, 1 - LEAST_CHANCE)
    linked: Array = np.log(clipped) - np.log(1 - clipped) if task is Task.BINARY else np.log(clipped)
    return linked


def chances_of(summed: Array, task: Task) -> Array:
    if task is Task.BINARY:
        return np.asarray(1 / (1 + np.exp(-summed)))
    powers = np.exp(summed - summed.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def stack(values: Array, y: Array, task: Task, *, weights: Array | None = None) -> tuple[Array, Array]:
    """Return the weights `[M]`, not below zero, and the bias `[K]` that lose least on these rows, drawn to equal weights a little.

    `values`: `[N, M, K]`, linked, or numbers of about the size 1. `weights`: of the rows.
    """
    rows, members, outputs = values.shape
    truth = y.astype(np.float64) if task is Task.REGRESSION else y
    share = np.full(rows, 1 / rows) if weights is None else weights / weights.sum()
    equal = 1 / members

    def loss(params: Array) -> tuple[float, Array]:
        of_member, bias = params[:members], params[members:]
        summed = np.einsum("nmk,m->nk", values, of_member) + bias
        value, slope = _loss(summed, truth, task, share)
        pull = of_member - equal
        gradient = np.concatenate([np.einsum("nk,nmk->m", slope, values) + 2 * _PULL * pull, slope.sum(axis=0)])
        return value + _PULL * float(pull @ pull), gradient

    start = np.concatenate([np.full(members, equal), np.zeros(outputs)])
    bounds = [(0.0, None)] * members + [(None, None)] * outputs
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
    return found.x[:members], found.x[members:]


def losses_of(summed: Array, y: Array, task: Task) -> Array:
    """Return what each row's sum loses: its squared error, or the logarithm of what it gives to the right class, less than 0."""
    if task is Task.REGRESSION:
        return np.asarray((summed[:, 0] - y) ** 2)
    if task is Task.BINARY:
        return np.asarray(np.logaddexp(0.0, -np.where(y > 0.5, 1.0, -1.0) * summed[:, 0]))
    chances = chances_of(summed, task)[np.arange(len(summed)), y.astype(np.int64)]
    return np.asarray(-np.log(np.maximum(chances, 1e-300)))


def _loss(summed: Array, truth: Array, task: Task, share: Array) -> tuple[float, Array]:
    """Return the weighted mean of the loss, and its slope by each sum."""
    if task is Task.REGRESSION:
        error = summed - truth[:, None]
        return float(share @ error[:, 0] ** 2), 2 * error * share[:, None]
    chances = chances_of(summed, task)
    if task is Task.BINARY:
        signs = np.where(truth > 0.5, 1.0, -1.0)
        return float(share @ np.logaddexp(0.0, -signs * summed[:, 0])), (chances - truth[:, None]) * share[:, None]
    places = (np.arange(len(summed)), truth.astype(np.int64))
    slope = chances.copy()
    slope[places] -= 1.0
    return float(-share @ np.log(np.maximum(chances[places], 1e-300))), slope * share[:, None]
