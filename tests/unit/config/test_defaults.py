"""Defaults, as people write them, for the plan that shows what a change replaces."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.config.schema.defaults import default_of

LINEAR = {"dataset": "d", "task": "binary", "architecture": {"name": "linear"}}


@pytest.mark.parametrize(
    ("kind", "path", "data", "default"),
    [
        ("endpoint", "rollout.pause", {"rollout": {"drain": "1s"}}, "10s"),
        ("endpoint", "rollout.pause", {}, "10s"),
        ("endpoint", "rollout.max_error_rate", {"rollout": {"drain": "1s"}}, "1%"),
        ("endpoint", "rollout.steps", {"rollout": {"drain": "1s"}}, ["10%", "50%", "100%"]),
        ("endpoint", "replicas", {}, 1),
        ("endpoint", "rate_limit", {}, None),
        ("endpoint", "auth.api_key", {}, None),
        ("endpoint", "package", {}, None),
        ("endpoint", "no.such.field", {}, None),
        ("model", "trainer.seed", LINEAR, 7),
        ("stack", "port", {"target": "local"}, "auto"),
        ("stack", "log_size", {"target": "local"}, "10M"),
    ],
)
def test_default_is_the_one_that_applies_where_the_resource_says_nothing(
    kind: str, path: str, data: dict[str, Any], default: Any
) -> None:
    assert default_of(kind, path, data) == default
