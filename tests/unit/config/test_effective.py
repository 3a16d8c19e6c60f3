"""Effective inputs: judged models as JSON with every default, read back by attributes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pydantic import BaseModel

from mlops.config.effective import Frozen, effective_json, typed
from mlops.config.project import ProjectSettings
from mlops.config.schema.base import Resource
from mlops.config.schema.kinds import effective_of
from mlops.config.schema.units import Duration, Rate, Share, Size

JSON = {"name": "delay", "rollout": {"steps": [0.1, 1.0]}, "rows": [{"a": 1}, [2, 3]], "none": None}
SMALLEST = {
    "dataset": {
        "sources": {"rows": {"uri": "rows.csv"}},
        "sql": "SELECT * FROM rows",
        "label": "late",
        "features": {"numeric": ["x"]},
        "split": {"by": "time", "column": "day", "val": "1 month", "test": "1 month"},
    },
    "model": {"dataset": "rows", "task": "binary", "architecture": {"name": "mlp"}},
    "package": {"model": "late"},
    "stack": {"target": "local"},
    "endpoint": {"package": "late", "stack": "local"},
    "monitor": {"endpoint": "late"},
    "value": {},
}


class Units(Resource):
    wait: Duration = 60.0
    size: Size = 1024
    share: Share = 0.25
    rate: Rate | None = None
    day: dt.date | None = None


def test_frozen_reads_by_attribute_and_by_key() -> None:
    frozen = Frozen(JSON)
    assert frozen.name == frozen["name"] == "delay"
    assert frozen.none is None
    assert list(frozen) == list(JSON)
    assert len(frozen) == len(JSON)


def test_frozen_nests_and_turns_lists_into_tuples() -> None:
    frozen = Frozen(JSON)
    assert frozen.rollout.steps == (0.1, 1.0)
    assert frozen["rollout"]["steps"] == (0.1, 1.0)
    assert frozen.rows[0].a == 1
    assert frozen.rows[1] == (2, 3)


def test_frozen_cannot_be_changed() -> None:
    frozen: Any = Frozen(JSON)
    with pytest.raises(AttributeError, match="`name` cannot be set"):
        frozen.name = "other"
    with pytest.raises(TypeError, match="does not support item assignment"):
        frozen["name"] = "other"
    with pytest.raises(AttributeError, match="cannot be set"):
        frozen.rollout.steps = ()
    assert frozen.name == "delay"


def test_frozen_names_its_fields_when_one_is_missing() -> None:
    with pytest.raises(AttributeError, match="no field `nmae`; there are: name, rollout, rows, none"):
        _ = Frozen(JSON).nmae
    with pytest.raises(KeyError, match="nmae"):
        _ = Frozen(JSON)["nmae"]


def test_typed_leaves_scalars_and_frozen_as_they_are() -> None:
    frozen = Frozen(JSON)
    assert typed(frozen) is frozen
    assert [typed(value) for value in (1, "a", None, 0.5, True)] == [1, "a", None, 0.5, True]


def test_units_become_seconds_bytes_shares_rates_and_iso_dates() -> None:
    text = '{"wait": "15m", "size": "4Ki", "share": "2%", "rate": "200/m", "day": "2013-12-31"}'
    effective = effective_json(Units.model_validate_json(text))
    assert effective["wait"] == 900.0
    assert effective["size"] == 4096
    assert effective["share"] == 0.02
    assert effective["rate"] == {"number": 200, "seconds": 60.0}
    assert effective["day"] == "2013-12-31"


def test_defaults_have_the_same_form_as_what_is_written() -> None:
    effective = effective_json(Units())
    assert (effective["wait"], effective["size"], effective["share"]) == (60.0, 1024, 0.25)
    assert effective["rate"] is None


def test_value_without_a_json_form_is_refused_by_its_type() -> None:
    class Odd(BaseModel):
        value: Any = object()

    with pytest.raises(TypeError, match="object has no JSON"):
        effective_json(Odd())


@pytest.mark.parametrize("kind", sorted(SMALLEST))
def test_smallest_resource_has_every_common_field_filled_in(kind: str) -> None:
    effective = effective_of(kind, SMALLEST[kind])
    assert (effective.description, effective.owner, effective.enabled) == ("", "", True)
    assert effective.protect is None


def test_model_has_every_default_filled_in() -> None:
    model = effective_of("model", SMALLEST["model"])
    assert model.architecture.name == "mlp"
    assert model.gates == model.slices == ()


def test_endpoint_has_every_default_filled_in() -> None:
    endpoint = effective_of("endpoint", SMALLEST["endpoint"])
    assert endpoint.replicas == 1
    assert endpoint.rollout.steps == (0.1, 0.5, 1.0)
    assert endpoint.log.keep == 604800.0
    assert endpoint.auth is endpoint.autoscale is endpoint.rate_limit is None


def test_stack_monitor_and_package_have_every_default_filled_in() -> None:
    stack, monitor = (effective_of(kind, SMALLEST[kind]) for kind in ("stack", "monitor"))
    assert (stack.port, stack.log_size, stack.stop_timeout) == ("auto", 10_000_000, 10.0)
    assert (monitor.window, monitor.min_rows, monitor.drift.method) == (3600.0, 500, "auto")
    package = effective_of("package", SMALLEST["package"])
    assert (package.threads, package.api.max_rows, package.image) == (1, 10_000, None)


def test_settings_made_by_hand_have_typed_defaults() -> None:
    settings = ProjectSettings("flights", "dev")
    assert settings.training.stack is None
    assert (settings.training.pods, settings.training.memory) == (1, "8Gi")
    assert settings.training.time_limit == 14400.0
    assert dict(settings.training.models) == {}
    assert settings.pulumi.passphrase == "${secret:PULUMI_CONFIG_PASSPHRASE}"
    assert settings.registry is None


def test_settings_do_not_share_or_change_their_defaults() -> None:
    settings: Any = ProjectSettings("flights", "dev")
    with pytest.raises(AttributeError, match="`pods` cannot be set"):
        settings.training.pods = 2
    assert settings == ProjectSettings("flights", "dev")
