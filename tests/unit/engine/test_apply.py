"""What apply does with a plan, and what it leaves."""

from __future__ import annotations

import threading

import pytest

from mlops.engine.resource import Outcome
from mlops.errors import GateFailed, MlopsError
from tests.engine_world import World, at, thing


def test_things_are_made_after_what_they_need(world: World) -> None:
    world.apply(thing("c", "b"), thing("b", "a"), thing("a"))
    assert world.kind.calls == ["create a", "create b", "create c"]
    assert world.store.intents() == []


def test_what_did_not_come_out_differently_stops_the_chain(world: World) -> None:
    world.apply(thing("a", size=1, noise=1), thing("b", "a"), thing("c", "b"))
    world.kind.calls.clear()
    result = world.apply(thing("a", size=1, noise=2), thing("b", "a"), thing("c", "b"))
    assert world.kind.calls == ["update a"]
    assert result.cut == [at("b"), at("c")]
    skipped = [event for event in world.events if event.type == "change_skipped"]
    assert "is the same" in skipped[0].data["reason"]
    result = world.apply(thing("a", size=2, noise=2), thing("b", "a"), thing("c", "b"))
    assert [address.name for address in result.done] == ["a", "b", "c"]


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_failure_stops_what_depends_on_it_and_nothing_else(world: World, parallel: int) -> None:
    world.kind.broken["a"] = MlopsError.of("it broke", "It broke.")
    result = world.apply(thing("a"), thing("b", "a"), thing("c", "b"), thing("x"), thing("y", "x"), parallel=parallel)
    assert sorted(world.things) == ["x", "y"]
    assert set(result.skipped) == {at("b"), at("c")}
    (problem,) = result.problems
    assert problem.address == "thing.a"
    world.kind.broken.clear()
    world.apply(thing("a"), thing("b", "a"), thing("c", "b"), thing("x"), thing("y", "x"))
    assert world.words(thing("a"), thing("b", "a"), thing("c", "b"), thing("x"), thing("y", "x")) == {}


def test_an_unexpected_exception_is_told_with_its_address(world: World) -> None:
    world.kind.broken["a"] = ZeroDivisionError("none")  # type: ignore[assignment]
    (problem,) = world.apply(thing("a")).problems
    assert (problem.address, "ZeroDivisionError: none" in problem.detail) == ("thing.a", True)


def test_what_was_made_before_a_failure_is_recorded_as_incomplete(world: World) -> None:
    error = GateFailed.of("too small", "It is too small.")
    error.partial = Outcome({"digest": "half"})  # type: ignore[attr-defined]
    world.kind.broken["a"] = error
    result = world.apply(thing("a"))
    assert isinstance(result.failed[at("a")], GateFailed)
    record = world.store.records()[at("a")]
    assert (record.complete, record.outputs) == (False, {"digest": "half"})
    world.things["a"] = {}
    (change,) = world.plan(thing("a"))
    assert "failed half way" in change.reasons[0].text


def test_protection_refuses_before_anything_is_done(world: World) -> None:
    world.apply(thing("a", protect=True), thing("b"))
    with pytest.raises(MlopsError, match="protected"):
        world.apply(thing("c"))
    assert sorted(world.things) == ["a", "b"]


def test_after_an_interrupt_nothing_new_starts_and_the_next_apply_goes_on(world: World) -> None:
    stop = threading.Event()
    world.kind.touch = lambda where: stop.set() if where == "after create a" else None
    result = world.apply(thing("a"), thing("b", "a"), stop=stop)
    assert (result.done, result.skipped) == ([at("a")], {at("b"): "not tried: interrupted"})
    world.apply(thing("a"), thing("b", "a"))
    assert world.words(thing("a"), thing("b", "a")) == {}


def test_a_replacement_deletes_before_it_creates(world: World) -> None:
    world.apply(thing("a", place="x"))
    world.kind.calls.clear()
    world.apply(thing("a", place="y"))
    assert world.kind.calls == ["delete a", "create a"]


def test_events_tell_the_whole_story(world: World) -> None:
    world.apply(thing("a"))
    assert [event.type for event in world.events] == ["apply_started", "change_started", "change_done", "apply_done"]
    assert world.events[2].data["note"] == "created"
