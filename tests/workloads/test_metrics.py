"""Each metric against scikit-learn, where it has one."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from mlops.metrics.table import metric_named, metrics_of
from mlops.metrics.task import Task
from mlops.workloads.metrics.measure import computation_of, compute, measure, measure_between

CHANCE = np.random.default_rng(3)
N = 300
TWO = (CHANCE.random(N) < 0.3).astype(np.float32)
LIKELY = np.clip(TWO * 0.3 + CHANCE.random(N) * 0.7, 0.01, 0.99).round(2).astype(np.float32)
"""With ties, as a tree has them."""
SEVERAL = CHANCE.integers(0, 7, N)
EACH = (np.eye(7)[SEVERAL] + CHANCE.random((N, 7)) * 1.5).astype(np.float32)
EACH /= EACH.sum(axis=1, keepdims=True)
NUMBER = (CHANCE.normal(10, 3, N)).astype(np.float32)
GUESS = (NUMBER + CHANCE.normal(0, 1, N)).astype(np.float32)
HELD = LIKELY >= 0.4
BEST = EACH.argmax(axis=1)


def by_class(score: Callable[..., Any], average: str) -> float:
    return float(score(SEVERAL, BEST, average=average, zero_division=0.0))


EXPECTED: dict[Task, dict[str, float]] = {
    Task.BINARY: {
        "accuracy": sk.accuracy_score(TWO, HELD), "balanced_accuracy": sk.balanced_accuracy_score(TWO, HELD),
        "precision": sk.precision_score(TWO, HELD), "recall": sk.recall_score(TWO, HELD), "f1": sk.f1_score(TWO, HELD),
        "false_positive_rate": float(HELD[TWO == 0].mean()),
        "mcc": sk.matthews_corrcoef(TWO, HELD), "auc": sk.roc_auc_score(TWO, LIKELY),
        "average_precision": sk.average_precision_score(TWO, LIKELY), "brier": sk.brier_score_loss(TWO, LIKELY),
        "log_loss": sk.log_loss(TWO, LIKELY.astype(np.float64)), "positive_rate": float(HELD.mean()),
    },
    Task.MULTICLASS: {
        "accuracy": sk.accuracy_score(SEVERAL, BEST), "balanced_accuracy": sk.balanced_accuracy_score(SEVERAL, BEST),
        "mcc": sk.matthews_corrcoef(SEVERAL, BEST),
        "macro_precision": by_class(sk.precision_score, "macro"), "macro_recall": by_class(sk.recall_score, "macro"),
        "macro_f1": by_class(sk.f1_score, "macro"), "weighted_f1": by_class(sk.f1_score, "weighted"),
        "weighted_precision": by_class(sk.precision_score, "weighted"),
        "weighted_recall": by_class(sk.recall_score, "weighted"),
        "auc_ovr": sk.roc_auc_score(SEVERAL, EACH.astype(np.float64) / EACH.astype(np.float64).sum(1, keepdims=True), multi_class="ovr"),
        "log_loss": sk.log_loss(SEVERAL, EACH.astype(np.float64) / EACH.astype(np.float64).sum(1, keepdims=True)),
        "brier": float(((EACH - np.eye(7)[SEVERAL]) ** 2).sum(axis=1).mean()),
        "top_3_accuracy": sk.top_k_accuracy_score(SEVERAL, EACH, k=3), "top_5_accuracy": sk.top_k_accuracy_score(SEVERAL, EACH, k=5),
    },
    Task.REGRESSION: {
        "rmse": sk.root_mean_squared_error(NUMBER, GUESS), "mae": sk.mean_absolute_error(NUMBER, GUESS),
        "mape": sk.mean_absolute_percentage_error(NUMBER, GUESS), "r2": sk.r2_score(NUMBER, GUESS),
        "pinball": sk.mean_pinball_loss(NUMBER, GUESS, alpha=0.5),
    },
}  # fmt: skip
GIVEN = {Task.BINARY: (TWO, LIKELY), Task.MULTICLASS: (SEVERAL, EACH), Task.REGRESSION: (NUMBER, GUESS)}
CASES = [(task, name) for task, values in EXPECTED.items() for name in values]


@pytest.mark.parametrize(("task", "name"), CASES)
def test_metric_is_what_scikit_learn_computes(task: Task, name: str) -> None:
    assert compute(metric_named(name), *GIVEN[task], threshold=0.4) == pytest.approx(EXPECTED[task][name], abs=2e-6)


@pytest.mark.parametrize(("task", "name"), CASES)
def test_row_of_weight_two_counts_like_the_row_twice(task: Task, name: str) -> None:
    truth, predicted = GIVEN[task]
    counts = np.random.default_rng(1).integers(0, 3, N)
    twice = np.repeat(np.arange(N), counts)
    got = computation_of(metric_named(name)).weighted(truth, predicted, counts[None].astype(np.float64))[0]
    assert got == pytest.approx(compute(metric_named(name), truth[twice], predicted[twice]), abs=1e-9)


@pytest.mark.parametrize("task", GIVEN)
def test_every_metric_of_the_task_is_measured(task: Task) -> None:
    assert set(measure(task, *GIVEN[task])) == {metric.name for metric in metrics_of(task)}


def test_lift_is_the_share_of_the_first_tenth_by_that_of_all() -> None:
    ranked = np.linspace(0, 1, N)
    first = TWO[-N // 10 :].mean() / TWO.mean()
    assert compute(metric_named("lift"), TWO, ranked) == pytest.approx(first)
    assert compute(metric_named("lift"), TWO, np.full(N, 0.5)) == pytest.approx(1.0)


def test_calibration_error_is_the_gap_between_said_and_true() -> None:
    truth, predicted = np.array([0, 1, 1, 1]), np.array([0.25, 0.25, 0.75, 0.75])
    assert compute(metric_named("calibration_error"), truth, predicted) == pytest.approx(0.25)


@pytest.mark.parametrize("task", GIVEN)
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_tiny_slice_has_the_metrics_that_can_be_computed(task: Task, rows: int) -> None:
    measured = measure(task, GIVEN[task][0][:rows], GIVEN[task][1][:rows])
    assert all(math.isfinite(value) for value in measured.values())
    assert bool(measured) is bool(rows)


def test_slice_of_one_class_has_no_area_under_a_curve() -> None:
    measured = measure(Task.BINARY, np.zeros(9), LIKELY[:9])
    assert "auc" not in measured
    assert "average_precision" not in measured
    assert measured["recall"] == 0


def test_share_of_a_label_of_zero_is_left_out() -> None:
    assert "mape" not in measure(Task.REGRESSION, np.array([0.0, 1.0]), np.array([1.0, 1.0]))


GROUPS = np.repeat([0, 1, 2, -1], [100, 100, 20, 80])
"""Two groups, one that is too small, and rows of none."""


def test_groups_are_compared_by_the_rates_of_those_that_are_large() -> None:
    said = [HELD[group == GROUPS] for group in (0, 1)]
    true = [TWO[group == GROUPS] == 1 for group in (0, 1)]
    shares = sorted(float(part.mean()) for part in said)
    found = sorted(float(part[rows].mean()) for part, rows in zip(said, true, strict=True))
    wrong = sorted(float(part[~rows].mean()) for part, rows in zip(said, true, strict=True))
    assert measure_between(Task.BINARY, TWO, LIKELY, GROUPS, threshold=0.4) == pytest.approx(
        {
            "demographic_parity_difference": shares[1] - shares[0], "demographic_parity_ratio": shares[0] / shares[1],
            "equal_opportunity_difference": found[1] - found[0],
            "equalized_odds_difference": max(found[1] - found[0], wrong[1] - wrong[0]),
            "equalized_odds_ratio": min(found[0] / found[1], wrong[0] / wrong[1]),
        }
    )  # fmt: skip


def test_one_group_is_compared_with_nothing() -> None:
    assert measure_between(Task.BINARY, TWO, LIKELY, np.zeros(N, dtype=int)) == {}
