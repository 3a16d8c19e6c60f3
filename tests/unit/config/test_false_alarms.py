"""How a rate of false alarms is written."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mlops.config.effective import effective_json, typed
from mlops.config.schema.monitor import DriftPolicy
from mlops.monitoring.baseline import share_of_windows


@pytest.mark.parametrize(
    ("written", "per_hour", "shown"),
    [
        ("1 per month", 1 / 720, "1 per month"),
        ("2 per week", 2 / 168, "2 per week"),
        ("1/day", 1 / 24, "1 per day"),
        ("0.1%", 0.001, "0.1%"),
        (0.01, 0.01, "1%"),
    ],
)
def test_rate_of_false_alarms_is_read(written: str | float, per_hour: float, shown: str) -> None:
    policy = DriftPolicy.model_validate({"false_alarms": written})
    assert share_of_windows(typed(effective_json(policy)).false_alarms, 3600.0) == pytest.approx(per_hour)
    assert policy.model_dump(mode="json")["false_alarms"] == shown


def test_rate_of_false_alarms_is_one_a_month_by_default() -> None:
    assert str(DriftPolicy().false_alarms) == "1 per month"
    assert DriftPolicy().floors == {}


def test_floors_are_read_from_judged_inputs_as_numbers() -> None:
    judged = typed(effective_json(DriftPolicy.model_validate({"floors": {"temp": 0.3}})))
    assert dict(judged.floors) == {"temp": 0.3}


@pytest.mark.parametrize("written", ["often", "0 per month", "3 per fortnight", "0%", "80%", True])
def test_other_rates_of_false_alarms_are_refused(written: object) -> None:
    with pytest.raises(ValidationError, match="is not a rate of false alarms; write how many per hour"):
        DriftPolicy.model_validate({"false_alarms": written})
