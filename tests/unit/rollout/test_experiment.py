"""Two versions compared by their outcomes: a difference is found, and none is not, as seldom wrongly as stated."""

from __future__ import annotations

import random

import pytest

from bench.simulated_experiments import Ended, compared, rolled
from mlops.config.schema.endpoint import Endpoint, RolloutPolicy
from mlops.config.schema.experiment import Experiment
from mlops.rollout.confidence_sequence import ConfidenceSequence
from mlops.rollout.experiment import Comparison, ExperimentVerdict, LabelledAnswer, candidate_share, score_of

PLAIN = Experiment()


def answered(label: object, *rows: object, version: str = "v2") -> LabelledAnswer:
    return LabelledAnswer(version, rows, label)


@pytest.mark.parametrize(
    ("outcome", "label", "row", "score"),
    [
        ("correct", True, {"late": True, "probability": 0.9}, 1.0),
        ("correct", "true", {"late": True, "probability": 0.9}, 1.0),
        ("correct", 0, {"late": True, "probability": 0.9}, 0.0),
        ("correct", "green", {"color": "green", "probabilities": {"green": 0.9, "red": 0.1}}, 1.0),
        ("correct", None, {"late": True}, None),
        ("correct", "green", {"cluster": 1, "distance": 2.0}, None),
        ("label", 7.5, {"late": True}, 0.75),
        ("label", 99, {"late": True}, 1.0),
        ("label", "sold", {"late": True}, None),
        ("label", float("nan"), {"late": True}, None),
        ("error", 12.0, {"price": 10.0}, 0.8),
        ("error", 120.0, {"price": 10.0}, 0.0),
    ],
)
def test_outcomes_are_read_from_answers_and_labels(
    outcome: str, label: object, row: object, score: float | None
) -> None:
    experiment = Experiment.model_validate({"outcome": outcome, "range": [0, 10]})
    assert score_of(answered(label, row), experiment) == score


def test_rows_of_one_request_are_one_outcome() -> None:
    rows = [{"late": True}, {"late": False}, {"late": True}, {"late": True}]
    assert score_of(answered([True, True, True, True], *rows), PLAIN) == 0.75
    assert score_of(answered([True, True], *rows), PLAIN) is None


def test_sequence_holds_the_mean_at_every_moment_as_often_as_stated() -> None:
    """200 sequences of 400 numbers each, at a stated error of 10%."""
    drawn, missed = random.Random(3), 0
    for _ in range(200):
        sequence = ConfidenceSequence(0.1)
        for _ in range(400):
            sequence.add(float(drawn.random() < 0.3))
        missed += not sequence.low <= 0.3 <= sequence.high
    assert missed <= 20
    assert sequence.high - sequence.low < 0.3


def test_known_difference_is_found_and_its_absence_is_not() -> None:
    """Twenty experiments of each sort; two hundred are run by `python -m bench experiments`."""
    ends = {right: [compared(0.6, right, seed=seed) for seed in range(20)] for right in (0.6, 0.75, 0.45)}
    assert ends[0.75] == [Ended.CANDIDATE] * 20
    assert ends[0.45] == [Ended.LIVE] * 20
    assert sum(end is not Ended.NEITHER for end in ends[0.6]) <= 1


def test_difference_within_indifference_ends_an_experiment() -> None:
    comparison = Comparison(Experiment.model_validate({"indifference": 0.2}), "v1", "v2")
    drawn = random.Random(5)
    for _ in range(3000):
        for version in ("v1", "v2"):
            comparison.add(answered(True, {"late": drawn.random() < 0.5}, version=version))
    assert comparison.verdict() is ExperimentVerdict.EQUAL
    comparison.add(answered(True, {"late": True}, version="v7"))
    assert set(comparison.arms) == {"v1", "v2"}


def test_bandit_gives_more_clients_to_what_is_better_and_keeps_some_for_the_other() -> None:
    comparison = Comparison(PLAIN, "v1", "v2")
    assert 0.4 < candidate_share(comparison, random.Random(1)) < 0.6
    for number in range(60):
        comparison.add(answered(True, {"late": number % 2 == 0}, version="v1"))
        comparison.add(answered(True, {"late": number % 4 > 0}, version="v2"))
    assert candidate_share(comparison, random.Random(1)) == 0.95


@pytest.mark.parametrize("strategy", ["ab", "bandit"])
def test_strategy_promotes_what_is_better_and_keeps_what_is_live_else(strategy: str) -> None:
    better, worse = rolled(strategy, 0.85, seed=1), rolled(strategy, 0.3, seed=1)
    assert better.evidence is None
    assert "v2 is worse" in str(worse.evidence)
    assert "Traffic is back on v1" in str(worse.evidence)
    if strategy == "bandit":
        assert max(better.shares) > 60
        assert min(worse.shares[2:]) < 40


@pytest.mark.parametrize("dies_at", range(5))
def test_experiment_killed_at_any_change_goes_on_with_the_outcomes_that_there_are(dies_at: int) -> None:
    ended = rolled("ab", 0.85, seed=1, dies_at=dies_at)
    assert ended.evidence is None
    assert ended.shares[-1] == 100
    assert len(ended.began) == 1


def test_experiment_without_a_difference_ends_in_time_with_what_is_live() -> None:
    assert "no difference was found" in str(rolled("ab", 0.6, seed=1, at_most=30.0).evidence)
    assert rolled("ab", 0.6, seed=1, at_most=30.0, if_equal="candidate").evidence is None


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        ({"experiment": {"share": "20%"}}, "the strategy canary compares no outcomes"),
        ({"strategy": "ab", "experiment": {"share": "100%"}}, "both versions need clients"),
        ({"strategy": "ab", "experiment": {"header": "x-user", "cookie": "uid"}}, "not by both"),
        ({"strategy": "ab", "experiment": {"range": [1, 1]}}, "write the least and then the most"),
        ({"strategy": "ab", "experiment": {"false_decision": "0%"}}, "without a chance to be wrong"),
    ],
)
def test_experiment_that_could_not_end_is_refused(policy: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RolloutPolicy.model_validate(policy)


def test_experiment_needs_the_whole_log() -> None:
    said = {"package": "late", "stack": "local", "rollout": {"strategy": "ab"}}
    Endpoint.model_validate(said)
    with pytest.raises(ValueError, match="must be kept whole"):
        Endpoint.model_validate({**said, "log": {"sample": "10%"}})
