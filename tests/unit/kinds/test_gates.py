"""Gates, judged by metrics as `evaluate` writes them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlops.kinds.staged.gates import judge_gates, judged_gates, needs_live

METRICS: dict[str, Any] = {
    "test_auc": 0.7,
    "test_log_loss": 0.5,
    "intervals": {"test_auc": [0.65, 0.75]},
    "fairness": {"carrier": {"demographic_parity_ratio": 0.7}},
    "baselines": {"trivial": {"test_auc": 0.5}, "linear": {"test_auc": 0.72}},
    "slices": {
        "carrier": {
            "AA": {"auc": 0.8, "rows": 10, "intervals": {"auc": [0.6, 0.9]}},
            "UA": {"auc": 0.55, "rows": 5},
            "B6": {"rows": 1},
        }
    },
}


@pytest.mark.parametrize(
    ("gate", "holds", "words"),
    [
        ("test_auc >= 0.66", True, "test_auc >= 0.66: 0.7"),
        ("test_auc > 0.7", False, "test_auc > 0.7: 0.7"),
        ("test_log_loss <= 0.5", True, "test_log_loss <= 0.5: 0.5"),
        ("test_brier < 1", False, "test_brier < 1: none"),
        ("test_auc[carrier=AA] >= 0.7", True, "test_auc[carrier=AA] >= 0.7: 0.8 for carrier=AA"),
        ("test_auc[carrier] >= 0.5", False, "test_auc[carrier] >= 0.5: none for carrier=B6"),
        ("test_auc.low >= 0.66", False, "test_auc.low >= 0.66: 0.65"),
        ("test_auc.high >= 0.66", True, "test_auc.high >= 0.66: 0.75"),
        ("test_log_loss.low <= 0.6", False, "test_log_loss.low <= 0.6: none"),
        ("test_auc.low[carrier=AA] >= 0.7", False, "test_auc.low[carrier=AA] >= 0.7: 0.6 for carrier=AA"),
        (
            "test_demographic_parity_ratio[carrier] >= 0.8",
            False,
            "test_demographic_parity_ratio[carrier] >= 0.8: 0.7 for carrier",
        ),
        ("test_auc > trivial", True, "test_auc > trivial: 0.7, trivial 0.5"),
        ("test_auc >= linear - 0.01", False, "test_auc >= linear - 0.01: 0.7, linear 0.72"),
        ("test_log_loss < trivial", False, "test_log_loss < trivial: 0.5, trivial none"),
        ("test_auc[origin] >= 0.5", False, "test_auc[origin] >= 0.5: there is no such metric"),
    ],
)
def test_gate_is_judged_by_what_was_measured(gate: str, holds: bool, words: str) -> None:
    (verdict,) = judge_gates([gate], METRICS, None)
    assert (verdict.holds, verdict.words) == (holds, words)


def test_gate_against_live_passes_where_nothing_is_live() -> None:
    (verdict,) = judge_gates(["test_auc >= live - 0.005"], METRICS, None)
    assert verdict.holds
    assert verdict.words.endswith("nothing is live")


@pytest.mark.parametrize(("live", "holds"), [(0.704, True), (0.71, False)])
def test_gate_against_live_compares_with_its_metric(live: float, holds: bool) -> None:
    (verdict,) = judge_gates(["test_auc >= live - 0.005"], METRICS, {"test_auc": live})
    assert (verdict.holds, verdict.live) == (holds, live)


@pytest.mark.parametrize(("live", "holds"), [(0.64, True), (0.66, False)])
def test_end_of_the_interval_is_compared_with_the_live_metric_itself(live: float, holds: bool) -> None:
    (verdict,) = judge_gates(["test_auc.low >= live"], METRICS, {"test_auc": live})
    assert (verdict.holds, verdict.live) == (holds, live)


def test_gate_against_a_baseline_that_is_missing_does_not_hold() -> None:
    (verdict,) = judge_gates(["test_auc > trivial"], {"test_auc": 0.7}, None)
    assert not verdict.holds
    assert verdict.words.endswith("there is no trivial baseline")


@pytest.mark.parametrize(
    ("inputs", "gates"),
    [
        ({"task": "binary"}, ("test_auc > trivial",)),
        (
            {"task": "multiclass", "gates": ["test_accuracy >= 0.5"]},
            ("test_accuracy >= 0.5", "test_accuracy > trivial"),
        ),
        ({"task": "regression"}, ("test_r2 > trivial",)),
        ({"task": "binary", "baseline_gate": False}, ()),
        ({"task": "binary", "gates": ["test_auc >= trivial + 0.1"]}, ("test_auc >= trivial + 0.1",)),
    ],
)
def test_model_must_beat_the_trivial_baseline_unless_it_says_so(inputs: Any, gates: tuple[str, ...]) -> None:
    assert judged_gates(inputs) == gates


def test_metric_that_is_no_number_misses_its_gate() -> None:
    assert not judge_gates(["test_auc >= 0"], {"test_auc": math.nan}, None)[0].holds


def test_live_is_needed_where_a_gate_names_it() -> None:
    assert needs_live(["test_auc >= 0.1", "test_auc >= live"])
    assert not needs_live(["test_auc >= 0.1"])
