"""A few of the kills that `make crash` makes by the hundred."""

from __future__ import annotations

from pathlib import Path

from tests.e2e.conftest import Workplace
from tests.e2e.kill import torture_values, values
from tests.e2e.kill_flights import QUICK, torture_flights


def test_a_project_of_values_killed_at_random_moments_reaches_the_same_world(tmp_path: Path) -> None:
    assert torture_values(values(tmp_path / "project"), 6, seed=7, tell=print) >= 6


def test_the_reference_project_killed_at_random_moments_reaches_the_same_world(flights: Workplace) -> None:
    try:
        assert torture_flights(flights, 4, seed=7, tell=print, changes=QUICK) >= 4
    finally:
        flights.mlops("apply", "--yes")
    assert flights.words() == {}
