"""What each judge finds in recorded counts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from mlops.config.schema.endpoint import RolloutPolicy
from mlops.extensions import JUDGES
from mlops.rollout.evidence import Counts, Pair, StepEvidence, answered_rows
from mlops.rollout.judges.judge import Rules, findings

POLICY = RolloutPolicy()
NOTHING = Counts()
LIVE = Counts(900, 900, refused=18, within={1.0: 500, 3.0: 890, 10.0: 898, 30.0: 900})


def judged(name: str, candidate: Counts = NOTHING, live: Counts = LIVE, **evidence: object) -> str | None:
    found: str | None = JUDGES.load(name)(StepEvidence(candidate, live, **evidence), Rules(POLICY, 0.0005))  # type: ignore[arg-type]
    return found


def pairs(candidate: Sequence[float], live: Sequence[float], *, is_probability: bool = True) -> tuple[Pair, ...]:
    return tuple(Pair((one,), (other,), is_probability) for one, other in zip(candidate, live, strict=True))


def test_one_failure_in_three_requests_is_no_evidence() -> None:
    assert (
        list(findings(StepEvidence(Counts(3, 3, failed=1, waiting=0), LIVE, (1.0, 3.0), (0.0, 900.0)), POLICY, 3)) == []
    )


def test_failures_beyond_the_allowed_share_are_found() -> None:
    assert judged("errors", Counts(1000, 1000, failed=10)) is None
    assert judged("errors", Counts(300, 300, failed=30)) == (
        "30 of 300 requests failed with 5xx, and at most 1.0% may"
    )  # fmt: skip


def test_refusals_count_only_beyond_those_of_the_live_version() -> None:
    often = Counts(1000, 1000, refused=300)
    assert judged("refusals", often, Counts(1000, 1000, refused=290)) is None
    assert judged("refusals", Counts(10, 10, refused=10)) is not None
    assert judged("refusals", Counts(10, 10, refused=10), Counts()) is None


def test_requests_without_an_answer_are_found_before_the_gateway_gives_up() -> None:
    assert judged("unanswered", stuck=(20.0, 400.0), usually_stuck=(0.0, 900.0)) is not None
    assert judged("unanswered", stuck=(1.0, 3.0), usually_stuck=(1.0, 900.0)) is None
    assert judged("unanswered", stuck=(20.0, 400.0), usually_stuck=(20.0, 400.0)) is None


def test_milliseconds_are_measured_against_the_milliseconds_of_the_live_version() -> None:
    live = Counts(9, 9, within={1.0: 5, 3.0: 9, 10.0: 9, 30.0: 9})
    slow = Counts(5, 5, within={1.0: 0, 3.0: 0, 10.0: 0, 30.0: 5})
    alike = Counts(5, 5, within={1.0: 0, 3.0: 5, 10.0: 5, 30.0: 5})
    assert "in 18 of 18 short times" in str(judged("latency", intervals=((slow, live),) * 18))
    assert "at last 20 ms where those took 0.9 ms" in str(judged("latency", intervals=((slow, live),) * 18))
    assert judged("latency", intervals=((alike, live),) * 18) is None
    assert judged("latency", intervals=((slow, live),) * 5) is None
    assert judged("latency", intervals=((slow, live), (live, slow)) * 30) is None
    assert judged("latency", intervals=((slow, Counts()),) * 18) is None


def test_late_answers_of_a_busy_machine_hide_no_slow_version() -> None:
    """A quarter of the answers of both is late by a hundred milliseconds; half of the candidate's are slow besides."""
    live = Counts(40, 40, within={1.0: 20, 5.0: 30, 30.0: 30, 150.0: 40})
    slow = Counts(8, 8, within={1.0: 0, 5.0: 0, 30.0: 6, 150.0: 8})
    assert "50% of its answers" in str(judged("latency", intervals=((slow, live),) * 18))


def test_twenty_milliseconds_more_are_found_where_the_live_version_takes_as_many() -> None:
    live = Counts(40, 40, within={10.0: 20, 15.0: 38, 20.0: 40, 30.0: 40, 40.0: 40})
    slow = Counts(8, 8, within={10.0: 0, 15.0: 0, 20.0: 0, 30.0: 3, 40.0: 8})
    assert judged("latency", intervals=((slow, live),) * 18) is not None


def test_wholly_other_answers_are_found_and_small_moves_are_not() -> None:
    live = [0.1 + 0.002 * number for number in range(100)]
    assert judged("agreement", pairs=pairs([p + 0.2 for p in live], live)) is None
    assert judged("agreement", pairs=pairs([1 - p for p in live[:30]] + live[30:], live)) is not None
    assert judged("agreement", pairs=pairs([p * 1.5 for p in live], live, is_probability=False)) is None
    assert judged("agreement", pairs=pairs([p + 9 for p in live], live, is_probability=False)) is not None
    clusters = tuple(Pair((float(n % 3), 1.0), (float(2 - n % 3), 1.0)) for n in range(100))
    assert judged("agreement", pairs=clusters) is None


def test_segment_turned_over_is_found_where_nothing_is_probable() -> None:
    """Probabilities from 1% to 10%, as of frauds: none moves by a half, but a quarter of the rows changes its place."""
    live = [0.01 + 0.0003 * number for number in range(300)]
    sharper = [p**2 * 9 for p in live]
    turned = [0.11 - p if number % 4 == 0 else p for number, p in enumerate(live)]
    assert judged("agreement", pairs=pairs(sharper, live)) is None
    assert judged("agreement", pairs=pairs(turned, live)) is not None
    assert judged("agreement", pairs=pairs(live, [0.05] * 300)) is None


def test_one_answer_to_everything_is_found_unless_the_live_version_gives_one_too() -> None:
    live = [0.5 + 0.003 * number for number in range(100)]
    assert judged("predictions", pairs=pairs([0.6] * 100, live)) is not None
    assert judged("predictions", pairs=pairs([0.6] * 100, [0.6] * 100)) is None
    assert judged("predictions", pairs=pairs([0.6] * 3, live[:3])) is None


def test_judges_of_a_policy_are_those_that_are_asked() -> None:
    failing = StepEvidence(Counts(300, 300, failed=300, refused=0), LIVE)
    assert [name for name, _ in findings(failing, POLICY, 3)] == ["errors"]
    assert list(findings(failing, POLICY.model_copy(update={"judges": ("latency",)}), 3)) == []
    assert list(findings(failing, POLICY.model_copy(update={"false_reject": 0.0}), 3)) == []


def test_policy_names_a_judge_that_is_not_installed() -> None:
    with pytest.raises(ValueError, match="`latencies` is not a judge of a rollout that is installed"):
        RolloutPolicy.model_validate({"judges": ["latencies"]})


def test_counters_that_began_anew_count_from_zero() -> None:
    before, after = Counts(10, 9, 1, 0, 1, {1.0: 9}), Counts(30, 30, 2, 1, 0, {1.0: 20})
    assert after.since(before) == Counts(20, 21, 1, 1, 0, {1.0: 11})
    assert before.since(after) == before


@pytest.mark.parametrize(
    ("row", "numbers"),
    [
        ({"probability": 0.3, "late": True}, ((0.3,), True)),
        ({"late": "b", "probabilities": {"b": 0.9, "a": 0.1}}, ((0.1, 0.9), True)),
        ({"price": 12.5}, ((12.5,), False)),
        ({"cluster": 1, "probabilities": [0.2, 0.8]}, ((1.0, 0.2, 0.8), False)),
        ({"probability": None, "late": None}, ((), True)),
    ],
)
def test_rows_of_every_task_are_read_as_numbers(row: object, numbers: object) -> None:
    assert answered_rows({"predictions": [row]}) == [numbers]
    assert answered_rows([row]) == []
