"""What clients of the last minute got, by what the gateway has counted."""

from __future__ import annotations

import json

from mlops.targets.local.recent_answers import AnswerCount, RecentAnswers


def kept(recent: RecentAnswers, now: float) -> list[list[int]]:
    found: list[list[int]] = json.loads(recent.text(now))["late"]
    return found


def test_only_what_came_while_somebody_looked_counts() -> None:
    recent = RecentAnswers()
    recent.add("late", {"late-v1": AnswerCount(900, 90)}, 0.0)
    assert kept(recent, 0.0) == [[0, 0], [0, 0]]
    recent.add("late", {"late-v1": AnswerCount(1000, 95)}, 1.0)
    assert kept(recent, 1.0) == [[100, 5], [100, 5]]


def test_errors_are_of_now_for_ten_seconds_and_of_the_last_minute_for_sixty() -> None:
    recent = RecentAnswers()
    for second, errors in ((0, 0), (1, 7), (2, 7)):
        recent.add("late", {"late-v1": AnswerCount(100 * second, errors)}, float(second))
    assert kept(recent, 10.5) == [[200, 7], [200, 7]]
    assert kept(recent, 11.5) == [[200, 7], [100, 0]]
    assert kept(recent, 61.5) == [[100, 0], [0, 0]]


def test_new_version_and_a_gateway_begun_anew_count_from_their_first_answer() -> None:
    recent = RecentAnswers()
    recent.add("late", {"late-v1": AnswerCount(50, 1)}, 0.0)
    recent.add("late", {"late-v1": AnswerCount(60, 1), "late-v2": AnswerCount(5, 5)}, 1.0)
    assert kept(recent, 1.0)[0] == [15, 5]
    recent.add("late", {"late-v2": AnswerCount(2, 0)}, 2.0)
    assert kept(recent, 2.0)[0] == [17, 5]
    recent.keep_only(set())
    assert json.loads(recent.text(2.0)) == {}
