"""Thresholds and calibration: what is chosen, and that the graph does what the arrays do."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sklearn import metrics as sk
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from mlops.contracts.stage_params import ExportParams
from mlops.errors import MlopsError
from mlops.workloads.features.graph import Graph
from mlops.workloads.metrics.probability import calibration_error
from mlops.workloads.metrics.weighted import ones
from mlops.workloads.training.calibration import CALIBRATORS, Isotonic, Platt, calibrated
from mlops.workloads.training.decision import Decision

N = 800
CHANCE = np.random.default_rng(5)
TRUE_ODDS = CHANCE.normal(-1, 1.5, N)
TRUTH = (CHANCE.random(N) < 1 / (1 + np.exp(-TRUE_ODDS))).astype(np.float32)
TOO_SURE = (1 / (1 + np.exp(-(2.5 * TRUE_ODDS + 1)))).astype(np.float32)
CLASSES = CHANCE.integers(0, 3, N)
_ODDS = np.exp(4 * (np.eye(3)[CLASSES] + CHANCE.normal(0, 1, (N, 3))))
SURE = (_ODDS / _ODDS.sum(axis=1, keepdims=True)).astype(np.float32)


def decide(**params: Any) -> Decision:
    return Decision.of(ExportParams(**params), TRUTH, TOO_SURE)


def test_model_that_says_nothing_decides_at_one_half() -> None:
    assert decide() == Decision()
    assert decide(threshold=0.3).threshold == 0.3


def test_threshold_by_f1_has_the_highest_f1() -> None:
    chosen = decide(threshold={"by": "f1"}).threshold
    best = max(sk.f1_score(TRUTH, at <= TOO_SURE) for at in np.unique(TOO_SURE))
    assert sk.f1_score(TRUTH, chosen <= TOO_SURE) == pytest.approx(best)


@pytest.mark.parametrize("missed", [0.2, 1.0, 5.0])
def test_threshold_by_cost_makes_the_cheapest_mistakes(missed: float) -> None:
    def cost(at: float) -> float:
        said = at <= TOO_SURE
        return float((said & (TRUTH == 0)).sum() + missed * (~said & (TRUTH == 1)).sum())

    chosen = decide(threshold={"by": "cost", "false_negative": missed}).threshold
    assert cost(chosen) == pytest.approx(min(cost(at) for at in [*np.unique(TOO_SURE), 1.1]))


def test_threshold_by_recall_keeps_to_the_precision() -> None:
    chosen = decide(threshold={"by": "recall", "precision": 0.8}).threshold
    said = chosen <= TOO_SURE
    kept = [at for at in np.unique(TOO_SURE) if sk.precision_score(TRUTH, at <= TOO_SURE, zero_division=0) >= 0.8]
    assert sk.precision_score(TRUTH, said) >= 0.8
    assert sk.recall_score(TRUTH, said) == max(sk.recall_score(TRUTH, at <= TOO_SURE) for at in kept)


def test_precision_that_no_threshold_reaches_is_refused() -> None:
    with pytest.raises(
        MlopsError, match=r"No threshold has a precision of 1 on the validation split; the highest is 0\.5"
    ):
        Decision.of(
            ExportParams(threshold={"by": "recall", "precision": 1.0}),
            np.array([1.0, 0.0]),
            np.array([0.5, 0.5], dtype=np.float32),
        )


@pytest.mark.parametrize("params", [{"threshold": {"by": "f1"}}, {"calibration": "platt"}])
def test_validation_of_one_class_cannot_decide(params: dict[str, Any]) -> None:
    with pytest.raises(MlopsError, match="rows of one class alone"):
        Decision.of(ExportParams(**params), np.zeros(9), TOO_SURE[:9])


def test_threshold_is_chosen_on_calibrated_probabilities() -> None:
    assert decide(threshold={"by": "f1"}, calibration="platt").threshold != decide(threshold={"by": "f1"}).threshold


@pytest.mark.parametrize("how", CALIBRATORS)
@pytest.mark.parametrize(("truth", "predicted"), [(TRUTH, TOO_SURE), (CLASSES, SURE)], ids=["two", "three"])
def test_calibrated_probabilities_are_nearer_to_what_is_true(how: str, truth: Any, predicted: Any) -> None:
    half = N // 2
    calibrator = CALIBRATORS[how].fit(truth[:half], predicted[:half])
    after = calibrator.apply(predicted[half:])
    before, now = (calibration_error(truth[half:], values, ones(N - half))[0] for values in (predicted[half:], after))
    assert now < 0.6 * before
    if after.ndim == 2:
        assert np.allclose(after.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("how", CALIBRATORS)
@pytest.mark.parametrize(("truth", "predicted"), [(TRUTH, TOO_SURE), (CLASSES, SURE)], ids=["two", "three"])
def test_graph_calibrates_as_the_arrays_do(how: str, truth: Any, predicted: Any) -> None:
    several = predicted.ndim == 2
    shape: list[Any] = ["N", 3] if several else ["N"]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["x"], ["p"])], "g",
        [value("x", TensorProto.FLOAT, shape)], [value("p", TensorProto.FLOAT, shape)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    calibrator = CALIBRATORS[how].fit(truth, predicted)
    joined = calibrated(model, calibrator, several=several)
    onnx.checker.check_model(joined)
    extreme = np.concatenate([predicted, np.eye(3, dtype=np.float32) if several else np.array([0, 1], np.float32)])
    got = Graph(joined.SerializeToString())({"x": extreme})
    assert np.abs(got - calibrator.apply(extreme)).max() < 1e-6
    assert np.isfinite(got).all()


def test_platt_is_a_logistic_regression_of_the_odds() -> None:
    fitted = Platt.fit(TRUTH, TOO_SURE)
    odds = np.log(TOO_SURE.astype(np.float64) / (1 - TOO_SURE.astype(np.float64)))[:, None]
    expected = LogisticRegression(C=1e6).fit(odds, TRUTH)
    assert fitted.slope[0] == pytest.approx(expected.coef_[0, 0], rel=0.02)
    assert fitted.offset[0] == pytest.approx(expected.intercept_[0], abs=0.02)


def test_isotonic_follows_the_steps_and_keeps_the_order() -> None:
    fitted = Isotonic.fit(TRUTH, TOO_SURE).apply(TOO_SURE)
    steps = IsotonicRegression(out_of_bounds="clip").fit(TOO_SURE, TRUTH).predict(TOO_SURE)
    assert np.abs(fitted - steps).mean() < 0.03
    assert (np.diff(fitted[np.argsort(TOO_SURE, kind="stable")]) >= 0).all()


def test_classes_that_are_told_apart_wholly_are_calibrated_too() -> None:
    truth, predicted = np.array([0.0, 0, 1, 1]), np.array([0.0, 0.1, 0.9, 1.0], np.float32)
    for calibrator in CALIBRATORS.values():
        assert np.isfinite(calibrator.fit(truth, predicted).apply(predicted)).all()
