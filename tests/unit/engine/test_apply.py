"""What apply does with a plan, and what it leaves."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from mlops.engine.apply import ApplyContext, apply_plan
from mlops.engine.events import Event
from mlops.engine.lease import Holder, lease
from mlops.engine.plan import make_plan
from mlops.engine.resource import Action, Dependency, Effect, Outcome, PartChange, Step
from mlops.errors import GateFailed, MlopsError
from tests.engine_world import FOLLOW, World, at, thing


def test_resources_are_made_after_what_they_need(world: World) -> None:
    world.apply(thing("c", "b"), thing("b", "a"), thing("a"))
    assert world.kind.calls == ["create a", "create b", "create c"]
    assert world.store.intents() == []


def test_equal_outputs_skip_everything_downstream(world: World) -> None:
    world.apply(thing("a", size=1, noise=1), thing("b", "a"), thing("c", "b"))
    world.kind.calls.clear()
    result = world.apply(thing("a", size=1, noise=2), thing("b", "a"), thing("c", "b"))
    assert world.kind.calls == ["update a"]
    assert result.cut == [at("b"), at("c")]
    skipped = [event for event in world.events if event.type == "change_skipped"]
    assert "is the same" in skipped[0].data["reason"]
    result = world.apply(thing("a", size=2, noise=2), thing("b", "a"), thing("c", "b"))
    assert [address.name for address in result.done] == ["a", "b", "c"]


def test_changes_that_mostly_wait_go_side_by_side_beyond_the_limit(world: World) -> None:
    """Each waits for all of the others, which two at a time never would."""
    together = threading.Barrier(5)
    world.kind.mostly_waits = True
    world.kind.touch = lambda where: together.wait(20) if where.startswith("before") else None
    result = world.apply(*(thing(name) for name in "abcde"), parallel=2)
    assert len(result.done) == 5


@pytest.mark.parametrize("parallel", [1, 4])
def test_failure_stops_dependents_and_nothing_else(world: World, parallel: int) -> None:
    world.kind.broken["a"] = MlopsError.of("it broke", "It broke.")
    result = world.apply(thing("a"), thing("b", "a"), thing("c", "b"), thing("x"), thing("y", "x"), parallel=parallel)
    assert sorted(world.things) == ["x", "y"]
    assert set(result.skipped) == {at("b"), at("c")}
    (problem,) = result.problems
    assert problem.address == "thing.a"
    world.kind.broken.clear()
    world.apply(thing("a"), thing("b", "a"), thing("c", "b"), thing("x"), thing("y", "x"))
    assert world.words(thing("a"), thing("b", "a"), thing("c", "b"), thing("x"), thing("y", "x")) == {}


def test_unexpected_exception_names_its_address(world: World) -> None:
    world.kind.broken["a"] = ZeroDivisionError("none")  # type: ignore[assignment]
    (problem,) = world.apply(thing("a")).problems
    assert (problem.address, "ZeroDivisionError: none" in problem.detail) == ("thing.a", True)


def test_partial_outcome_of_a_failure_is_recorded_as_incomplete(world: World) -> None:
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


def test_interrupt_starts_nothing_new_and_the_next_apply_goes_on(world: World) -> None:
    stop = threading.Event()
    world.kind.touch = lambda where: stop.set() if where == "after create a" else None
    result = world.apply(thing("a"), thing("b", "a"), stop=stop)
    assert (result.done, result.skipped) == ([at("a")], {at("b"): "not tried: interrupted"})
    world.apply(thing("a"), thing("b", "a"))
    assert world.words(thing("a"), thing("b", "a")) == {}


def test_replacement_deletes_before_it_creates(world: World) -> None:
    world.apply(thing("a", place="x"))
    world.kind.calls.clear()
    world.apply(thing("a", place="y"))
    assert world.kind.calls == ["delete a", "create a"]


def test_events_report_every_change(world: World) -> None:
    world.apply(thing("a"))
    assert [event.type for event in world.events] == ["apply_started", "change_started", "change_done", "apply_done"]
    assert world.events[2].data["note"] == "created"


def test_deletions_run_before_those_of_their_needs_however_parallel(world: World) -> None:
    world.apply(thing("a"), thing("b", "a"), thing("c", "a"), thing("d", "b", "c"))
    world.kind.calls.clear()
    world.apply(parallel=4)
    assert (world.kind.calls[0], world.kind.calls[-1]) == ("delete d", "delete a")
    assert (world.things, world.store.records()) == ({}, {})


def test_intent_is_open_while_the_kind_works_and_closed_with_the_record(world: World) -> None:
    open_then: dict[str, list[tuple[str, str]]] = {}

    def look(where: str) -> None:
        open_then[where] = [(str(intent.address), intent.action) for intent in world.store.intents()]

    world.kind.touch = look
    world.apply(thing("a", size=1))
    world.apply(thing("a", size=2))
    world.apply()
    assert open_then == {
        f"{when} {verb} a": [("thing.a", verb)] for verb in ("create", "update", "delete") for when in ("before", "after")
    }  # fmt: skip
    assert world.store.intents() == []


def test_failed_change_leaves_its_intent_open_until_the_next_success(world: World) -> None:
    world.kind.broken["a"] = MlopsError.of("it broke", "It broke.")
    world.apply(thing("a", size=1))
    world.apply(thing("a", size=2))
    assert len(world.store.intents()) == 2
    world.kind.broken.clear()
    world.apply(thing("a", size=3))
    assert world.store.intents() == []


def test_failure_is_an_event_and_dependents_say_why_they_were_not_tried(world: World) -> None:
    world.kind.broken["a"] = MlopsError.of("it broke", "It broke because of rust.")
    result = world.apply(thing("a"), thing("b", "a"), thing("c", "b"))
    assert result.skipped == {at("b"): "not tried: thing.a failed", at("c"): "not tried: thing.b was skipped"}
    seen = [(event.type, event.address) for event in world.events]
    assert seen == [
        ("apply_started", None), ("change_started", "thing.a"), ("change_failed", "thing.a"),
        ("change_skipped", "thing.b"), ("change_skipped", "thing.c"), ("apply_done", None),
    ]  # fmt: skip
    assert world.events[2].data["problems"] == [{"summary": "it broke", "detail": "It broke because of rust."}]
    assert {key: world.events[-1].data[key] for key in ("done", "failed", "skipped")} == {
        "done": 0, "failed": 1, "skipped": 2,
    }  # fmt: skip


def test_failed_deletion_keeps_the_record_and_what_it_needs(world: World) -> None:
    world.apply(thing("a"), thing("b", "a"))

    def refuse(where: str) -> None:
        if where == "before delete b":
            raise MlopsError.of("busy", "It is in use.")

    world.kind.touch = refuse
    result = world.apply()
    assert (list(result.failed), list(result.skipped)) == ([at("b")], [at("a")])
    assert set(world.store.records()) == {at("a"), at("b")}


def test_broken_sink_loses_nothing_but_the_events(world: World) -> None:
    def broken_pipe(event: Event) -> None:
        raise BrokenPipeError

    with lease(world.store, Holder.me("me", "now")) as token:
        plan_inputs = world.plan_inputs([thing("a"), thing("b", "a")])
        result = apply_plan(make_plan(plan_inputs), ApplyContext(plan_inputs, world.store, "op", token, broken_pipe))
    assert (result.done, result.failed) == ([at("a"), at("b")], {})
    assert world.words(thing("a"), thing("b", "a")) == {}


def test_plan_with_a_protected_resource_does_nothing_and_names_each(world: World) -> None:
    world.apply(thing("a", protect=True), thing("b", protect=True, place="x"), thing("c"))
    world.kind.calls.clear()
    serial = world.store.head().serial
    with pytest.raises(MlopsError, match=r"thing\.a is protected, and this plan would delete it") as caught:
        world.apply(thing("b", protect=True, place="y"), thing("c", size=2))
    assert [problem.address for problem in caught.value.problems] == ["thing.a", "thing.b"]
    assert (world.kind.calls, world.store.head().serial) == ([], serial)


def test_protected_resource_is_deleted_in_two_steps(world: World) -> None:
    world.apply(thing("a", protect=True))
    world.apply(thing("a"))
    world.apply()
    assert world.things == {}


def test_no_op_calls_no_kind_and_writes_nothing(world: World) -> None:
    world.apply(thing("a"), thing("b", "a"))
    serial = world.store.head().serial
    world.kind.calls.clear()
    result = world.apply(thing("a"), thing("b", "a"))
    assert (world.kind.calls, world.store.head().serial, result.done) == ([], serial, [])


def test_step_gets_the_newest_outputs_of_its_dependencies(world: World) -> None:
    world.apply(thing("a", size=1), thing("b", "a"))
    world.apply(thing("a", size=2), thing("b", "a"))
    step = world.kind.steps[-1]
    assert (step.address, step.action) == (at("b"), Action.UPDATE)
    assert step.upstream[at("a")]["digest"] == world.things["a"]["digest"]
    record = world.store.records()[at("b")]
    assert record.upstream == {"thing.a:digest": world.things["a"]["digest"]}
    assert record.depends_on == (at("a"),)


def test_condition_that_came_true_takes_the_gravest_category(world: World) -> None:
    grave = Effect("GRAVE", 8)
    edges = (Dependency(at("a"), grave, "digest"), Dependency(at("x"), FOLLOW, "digest"))
    desired = thing("a", size=2), thing("x"), replace(thing("b"), depends_on=edges)
    world.apply(thing("a", size=1), thing("x"), replace(thing("b"), depends_on=edges))
    world.events.clear()
    world.apply(*desired)
    started = {event.address: event.data["category"] for event in world.events if event.type == "change_started"}
    assert started == {"thing.a": "MAJOR", "thing.b": "GRAVE"}


def test_key_of_a_step_is_the_same_until_it_is_done(world: World) -> None:
    run = replace(thing("b"), depends_on=(Dependency(at("a"), Effect("RUN", 5, Action.RUN), "digest"),))
    world.apply(thing("a", size=1), run)
    world.kind.steps.clear()
    world.kind.broken["b"] = MlopsError.of("it broke", "It broke.")
    for _ in range(2):
        world.apply(thing("a", size=2), run)
    world.kind.broken.clear()
    world.apply(thing("a", size=2), run)
    world.apply(thing("a", size=3), run)
    keys = [step.key for step in world.kind.steps if step.address == at("b")]
    assert keys[0] == keys[1] == keys[2] != keys[3]


def test_progress_is_reported_no_more_often_than_one_can_read(world: World) -> None:
    create = world.kind.create

    def chatty(step: Step) -> Outcome:
        for part in range(100):
            step.say(f"part {part}", part / 100)
        return create(step)

    world.kind.create = chatty  # type: ignore[method-assign]
    world.apply(thing("a"))
    lines = [event.data for event in world.events if event.type == "progress"]
    assert lines[0] == {"line": "part 0", "fraction": 0.0}
    assert len(lines) < 100


def test_fields_that_a_newer_version_wrote_survive_an_apply(world: World) -> None:
    world.apply(thing("a", size=1))
    with lease(world.store, Holder.me("me", "now")) as token:
        newer = replace(world.store.records()[at("a")], extra={"from_tomorrow": [1]})
        world.store.write(newer, operation="op", at="t", token=token)
    world.apply(thing("a", size=2))
    record = world.store.records()[at("a")]
    assert (record.inputs, record.extra) == ({"size": 2}, {"from_tomorrow": [1]})


KEPT, LOST = PartChange("Volume kept", Action.UPDATE), PartChange("Volume lost", Action.REPLACE)


def test_part_that_holds_data_goes_only_where_its_resource_is_named(world: World) -> None:
    world.apply(thing("a", size=1), thing("b", size=1))
    world.kind.holds_data["a"] = ("Volume kept", "Volume lost")
    world.kind.parts["a"] = (KEPT, LOST, PartChange("Service", Action.REPLACE))
    with pytest.raises(MlopsError, match=r"This plan deletes Volume lost of thing\.a.*--allow-data-loss thing\.a"):
        world.apply(thing("a", size=2), thing("b", size=2))
    with pytest.raises(MlopsError, match="data would be lost"):
        world.apply(thing("a", size=2), thing("b", size=2), may_lose_data=["thing.b"])
    assert world.things["b"]["inputs"] == {"size": 1}, "nothing was done"
    world.apply(thing("a", size=2), thing("b", size=2), may_lose_data=["thing.a"])
    assert world.words(thing("a", size=2), thing("b", size=2)) == {}


def test_resource_that_goes_takes_its_data_along_whatever_was_previewed(world: World) -> None:
    world.apply(thing("a", place="x"))
    world.kind.holds_data["a"] = ("Volume kept",)
    for desired in ([thing("a", place="y")], []):
        (change,) = world.plan(*desired)
        assert [(part.name, part.loses_data) for part in change.parts] == [("Volume kept", True)]
        with pytest.raises(MlopsError, match="data would be lost"):
            world.apply(*desired)
    assert world.kind.calls == ["create a"]
