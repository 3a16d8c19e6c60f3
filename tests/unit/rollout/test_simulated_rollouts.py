"""Bad versions are taken back, and good ones go live, under the same simulated load."""

from __future__ import annotations

import pytest

from bench.simulated_rollout import BAD, GOOD, Behaviour, promoted
from mlops.config.schema.endpoint import RolloutPolicy

POLICY = RolloutPolicy.model_validate({"drain": "0s"})


@pytest.mark.parametrize("name", BAD)
def test_bad_version_is_taken_back(name: str) -> None:
    evidence, harmed = promoted(BAD[name], POLICY, seed=1)
    assert evidence is not None
    assert harmed < 100


def test_ten_good_versions_go_live() -> None:
    short = POLICY.model_copy(update={"pause": 4.0})
    assert [promoted(GOOD, short, seed=seed)[0] for seed in range(10)] == [None] * 10


def test_step_with_thin_traffic_goes_on_until_there_is_evidence() -> None:
    evidence, _ = promoted(Behaviour(failed=0.3), POLICY, rate=3, seed=1)
    assert evidence is not None
    thin = RolloutPolicy.model_validate({"drain": "0s", "steps": ["50%", "100%"], "extend": 1})
    assert promoted(Behaviour(failed=0.03), thin, rate=1, seed=1)[0] is None
