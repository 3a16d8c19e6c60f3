"""What counts prove, however often one looks."""

from __future__ import annotations

import random

import pytest

from mlops.metrics.sequential import is_larger, share_above, share_below


@pytest.mark.parametrize(("hits", "trials"), [(0, 0), (0, 50), (1, 3), (3, 100), (50, 50)])
def test_bounds_hold_the_share_between_them(hits: int, trials: int) -> None:
    low, high = share_above(hits, trials, 0.01), share_below(hits, trials, 0.01)
    assert 0 <= low <= (hits / trials if trials else 0) <= high <= 1
    assert share_above(hits, trials, 0.001) <= low


def test_bounds_narrow_with_evidence() -> None:
    assert share_above(30, 1000, 0.01) > share_above(3, 100, 0.01) > 0
    assert share_above(3, 3, 0.01) > 0.1


def test_looking_after_every_request_errs_as_seldom_as_stated() -> None:
    """300 versions that fail as often as they may, looked at 400 times each, at a stated error of 5%."""
    drawn = random.Random(7)
    wrong = 0
    for _ in range(300):
        hits = 0
        for trials in range(1, 401):
            hits += drawn.random() < 0.05
            if trials % 5 == 0 and share_above(hits, trials, 0.05) > 0.05:
                wrong += 1
                break
    assert wrong <= 15


def test_comparing_after_every_request_errs_as_seldom_as_stated() -> None:
    """200 pairs of versions that are alike, one asked nine times as often, compared 80 times each."""
    drawn = random.Random(11)
    wrong = 0
    for _ in range(200):
        mine = other = 0
        for look in range(1, 81):
            mine += sum(drawn.random() < 0.05 for _ in range(5))
            other += sum(drawn.random() < 0.05 for _ in range(45))
            if is_larger((mine, 5 * look), (other, 45 * look), 0.05):
                wrong += 1
                break
    assert wrong <= 10


def test_difference_needs_more_than_its_margin() -> None:
    assert is_larger((80, 1000), (20, 1000), 0.001)
    assert not is_larger((80, 1000), (20, 1000), 0.001, margin=0.05)
    assert not is_larger((5, 5), (0, 0), 0.001)
