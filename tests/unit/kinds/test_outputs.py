"""A value that is known after apply: an edge in the plan, filled in when the step is carried out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.engine.plan import PlanInputs
from mlops.engine.resource import Desired
from mlops.kinds.output_resolver import OutputResolver, output_dependencies
from tests.engine_world import Thing, World, at, opened, thing


def truths_with_outputs(world: World, *desired: Desired) -> PlanInputs:
    told = [output_dependencies(one, world.kind) for one in desired]
    plan_inputs = World.plan_inputs(world, told)
    return PlanInputs(
        plan_inputs.desired, plan_inputs.observed, {"thing": OutputResolver(world.kind)}, plan_inputs.interrupted
    )


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with opened(tmp_path) as made:
        monkeypatch.setattr(made, "plan_inputs", lambda desired: truths_with_outputs(made, *desired))
        yield made


USER = thing("user", note="it is ${output:thing.maker.digest}")


def test_the_value_is_filled_in_and_the_record_keeps_the_reference(world: World) -> None:
    world.apply(thing("maker", size=1), USER)
    assert world.things["user"]["inputs"]["note"] == f"it is {world.things['maker']['digest']}"
    assert world.store.records()[at("user")].inputs["note"] == "it is ${output:thing.maker.digest}"
    plan_inputs = world.plan_inputs([thing("maker", size=1), USER])
    assert [need.address for need in plan_inputs.desired[at("user")].depends_on] == [at("maker")]


def test_another_output_means_another_value(world: World) -> None:
    world.apply(thing("maker", size=1), USER)
    world.apply(thing("maker", size=2), USER)
    assert '"size": 2' in world.things["user"]["inputs"]["note"]


def test_an_output_that_there_is_not_is_told(world: World) -> None:
    wrong = thing("user", note="${output:thing.maker.url}")
    (problem,) = world.apply(thing("maker", size=1), wrong).problems
    assert "has no output url" in problem.detail
    assert "digest" in problem.detail


def test_what_names_no_output_is_left_as_it_is() -> None:
    plain = thing("a", "b", size=1)
    assert output_dependencies(plain, Thing({})) is plain
