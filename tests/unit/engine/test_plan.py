"""What is decided from three plan_inputs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlops.engine.diff import diff
from mlops.engine.graph import order
from mlops.engine.lease import Holder, lease
from mlops.engine.plan import collect_attention, make_plan
from mlops.engine.resource import Action, Attention, Dependency, Effect, FieldDrift, Reason, Secret, Stale
from mlops.engine.state import Intent
from mlops.errors import InvalidConfig
from tests.engine_world import FOLLOW, MADE, MINOR, World, at, thing


def test_new_resource_is_created_and_then_nothing_differs(world: World) -> None:
    assert world.words(thing("a", size=1)) == {"a": ("create", "MADE")}
    world.apply(thing("a", size=1))
    (change,) = world.plan(thing("a", size=1))
    assert (change.action, [reason.text for reason in change.reasons]) == (Action.NOOP, ["nothing differs"])


def test_changed_field_is_shown_with_its_values_and_its_place(world: World) -> None:
    world.apply(thing("a", size=1, color="red"))
    (change,) = world.plan(thing("a", size=2, color="red"))
    (field,) = change.fields
    assert (field.path, field.before, field.after, field.source) == ("size", 1, 2, "conf/thing/a.yaml:1")
    assert (change.action, change.category) == (Action.UPDATE, "MAJOR")


def test_gravest_field_gives_the_category_and_the_strongest_the_action(world: World) -> None:
    world.apply(thing("a", size=1, color="red", place="x"))
    assert world.words(thing("a", size=1, color="blue", place="x")) == {"a": ("update", "MINOR")}
    assert world.words(thing("a", size=2, color="blue", place="y")) == {"a": ("replace", "MOVE")}


def test_dependents_are_conditional_unless_the_change_keeps_outputs(world: World) -> None:
    world.apply(thing("a", size=1, color="red"), thing("b", "a"), thing("c", "b"))
    assert world.words(thing("a", size=2, color="red"), thing("b", "a"), thing("c", "b")) == {
        "a": ("update", "MAJOR"), "b": ("if-upstream-changes", "FOLLOW"), "c": ("if-upstream-changes", "FOLLOW"),
    }  # fmt: skip
    assert world.words(thing("a", size=1, color="blue"), thing("b", "a"), thing("c", "b")) == {"a": ("update", "MINOR")}


def test_resource_that_only_comes_after_another_does_not_follow_it(world: World) -> None:
    world.apply(thing("a", size=1), thing("b", order_only=["a"]))
    assert world.words(thing("a", size=2), thing("b", order_only=["a"])) == {"a": ("update", "MAJOR")}


def test_upstream_output_that_differs_from_the_consumed_is_a_change(world: World) -> None:
    world.apply(thing("a", size=1), thing("b", "a"))
    world.things["a"] = {"inputs": {"size": 1}, "digest": "made elsewhere"}
    with pytest.MonkeyPatch.context() as patch:
        records = dict(world.store.records())
        records[at("a")] = type(records[at("a")])(at("a"), {"size": 1}, {"digest": "made elsewhere"})
        patch.setattr(world.store, "records", lambda: records)
        assert world.words(thing("a", size=1), thing("b", "a")) == {"b": ("update", "FOLLOW")}


def test_difference_in_the_world_is_a_change_with_its_reason(world: World) -> None:
    world.apply(thing("a", size=1))
    world.kind.stale["a"] = Stale(Reason("it rusts"), MADE)
    (change,) = world.plan(thing("a", size=1))
    assert (change.reasons[0].text, change.category) == ("it rusts", "MADE")
    del world.kind.stale["a"]
    del world.things["a"]
    assert world.words(thing("a", size=1)) == {"a": ("create", "MADE")}


def test_resource_made_elsewhere_is_adopted_quietly(world: World) -> None:
    world.things["a"] = {"inputs": {"size": 1}, "digest": "theirs"}
    world.kind.adopted.add("a")
    assert world.words(thing("a", size=1)) == {"a": ("adopt", "adopt")}
    assert world.words(thing("a", size=2)) == {"a": ("update", "MAJOR")}
    world.apply(thing("a", size=1))
    assert world.words(thing("a", size=1)) == {}
    assert world.kind.calls == []


def test_undeclared_resource_is_deleted_after_its_users(world: World) -> None:
    world.apply(thing("a"), thing("b", "a"), thing("c", "b"))
    assert [(c.address.name, c.action.value) for c in world.plan()] == [
        ("c", "delete"),
        ("b", "delete"),
        ("a", "delete"),
    ]


def test_protection_of_the_record_outlives_the_declaration(world: World) -> None:
    world.apply(thing("a", protect=True, place="x"))
    (gone,) = world.plan()
    assert gone.blocked
    (moved,) = world.plan(thing("a", protect=True, place="y"))
    assert moved.blocked
    (changed,) = world.plan(thing("a", protect=True, place="x", size=2))
    assert not changed.blocked
    assert world.words(thing("a", place="x")) == {"a": ("update", "MINOR")}


def test_targets_include_their_needs_and_for_deletion_their_users(world: World) -> None:
    all_of_them = [thing("a"), thing("b", "a"), thing("c", "b"), thing("d")]
    assert [c.address.name for c in world.plan(*all_of_them, targets=["b"])] == ["a", "b"]
    world.apply(*all_of_them)
    assert [c.address.name for c in world.plan(targets=["b"])] == ["c", "b"]


def test_cycle_is_named() -> None:
    with pytest.raises(InvalidConfig, match=r"thing\.a → thing\.b → thing\.a"):
        order({at("a"): [at("b")], at("b"): [at("a")], at("c"): []})


def test_differences_are_listed_leaf_by_leaf_and_lists_as_a_whole() -> None:
    before = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    assert [tuple(d) for d in diff(before, {"a": {"b": 2, "c": [1, 3]}, "e": {"f": True}})] == [
        ("a.b", 1, 2), ("a.c", [1, 2], [1, 3]), ("d", 1, None), ("e.f", None, True),
    ]  # fmt: skip
    assert diff({"a": 1}, {"a": 1.0}) == ()
    assert diff({"a": 1}, {"a": True}) != ()


def test_a_secret_differs_by_its_name_or_by_its_digest_where_both_are_known() -> None:
    one, two, unknown = (Secret("KEY", digest).as_json() for digest in ("x", "y", None))
    assert diff({"a": one}, {"a": unknown}) == ()
    assert diff({"a": one}, {"a": two})[0].secret
    assert diff({"a": one}, {"a": Secret("OTHER", "x").as_json()})[0].secret


def test_drift_shows_both_values_and_has_the_effect_of_its_kind(world: World) -> None:
    world.apply(thing("a", size=1))
    world.kind.drift["a"] = FieldDrift("color", "red", "rusty", MINOR)
    (change,) = world.plan(thing("a", size=1))
    assert (change.action, change.category, change.keeps) == (Action.UPDATE, "MINOR", True)
    assert change.reasons == (Reason("color is rusty, and red was recorded"),)


def test_interrupted_change_is_made_again(world: World) -> None:
    world.apply(thing("a"), thing("b", "a"))
    with lease(world.store, Holder.me("one that dies", "now")) as token:
        world.store.intend(Intent("key", at("a"), "update", "op"), at="t", token=token)
    (first, second) = world.plan(thing("a"), thing("b", "a"))
    assert (first.action, [r.text for r in first.reasons]) == (
        Action.UPDATE, ["an apply was interrupted while changing it"],
    )  # fmt: skip
    assert second.action is Action.MAYBE


def test_change_that_failed_is_said_to_have_failed(world: World) -> None:
    world.apply(thing("a"))
    with lease(world.store, Holder.me("one that fails", "now")) as token:
        world.store.intend(Intent("key", at("a"), "update", "op"), at="t", token=token)
    inputs = replace(world.plan_inputs([thing("a")]), interrupted=(), failed={at("a")})
    (change,) = make_plan(inputs)
    assert [reason.text for reason in change.reasons] == ["the last apply of it failed"]
    (gone,) = make_plan(replace(inputs, desired={}, half_made={at("a")}))
    assert gone.reasons[0].text == "an apply failed to create it, and it is no longer declared"


def test_field_that_was_not_set_carries_the_default_that_applied(world: World) -> None:
    world.apply(thing("a", color="red"))
    (change,) = world.plan(thing("a", color="red", size=9))
    assert [(f.before, f.after, f.default) for f in change.fields] == [(None, 9, 7)]
    world.apply(thing("a", color="red", size=9))
    (change,) = world.plan(thing("a", color="red"))
    assert [(f.before, f.after, f.default) for f in change.fields] == [(9, None, 7)]
    (change,) = world.plan(thing("a", color="red", size=8))
    assert [(f.before, f.after, f.default) for f in change.fields] == [(9, 8, None)]


def test_incomplete_record_is_made_again_and_dependents_wait_for_it(world: World) -> None:
    world.apply(thing("a"), thing("b", "a"))
    with lease(world.store, Holder.me("me", "now")) as token:
        half = replace(world.store.records()[at("a")], complete=False)
        world.store.write(half, operation="op", at="t", token=token)
    assert world.words(thing("a"), thing("b", "a")) == {
        "a": ("update", "MADE"), "b": ("if-upstream-changes", "FOLLOW"),
    }  # fmt: skip


def test_condition_names_its_cause_in_the_words_of_the_edge(world: World) -> None:
    follower = replace(thing("b"), depends_on=(Dependency(at("a"), FOLLOW, "digest", "new baseline"),))
    world.apply(thing("a", size=1), follower)
    change = world.plan(thing("a", size=2), follower)[1]
    assert change.reasons == (Reason("new baseline, if thing.a changes", cause=at("a")),)
    assert (change.condition, change.depends_on) == ((at("a"),), (at("a"),))


def test_run_that_is_due_again_makes_its_dependents_conditional(world: World) -> None:
    world.apply(thing("a"), thing("b", "a"))
    world.kind.stale["a"] = Stale(Reason("its source moved"), Effect("RUN", 5, Action.RUN))
    assert world.words(thing("a"), thing("b", "a")) == {
        "a": ("run", "RUN"), "b": ("if-upstream-changes", "FOLLOW"),
    }  # fmt: skip


def test_own_change_below_a_change_is_certain_and_keeps_its_condition(world: World) -> None:
    world.apply(thing("a", size=1), thing("b", "a", color="red"), thing("c", "b"))
    desired = thing("a", size=2), thing("b", "a", color="blue"), thing("c", "b")
    change = world.plan(*desired)[1]
    assert (change.action, change.category, change.condition) == (Action.UPDATE, "MINOR", (at("a"),))
    assert not change.keeps
    assert world.words(*desired)["c"] == ("if-upstream-changes", "FOLLOW")


def test_field_without_an_origin_names_the_nearest(world: World) -> None:
    world.apply(thing("a", shape={"corners": 3}))
    (change,) = world.plan(thing("a", shape={"corners": 4}))
    assert [(f.path, f.source) for f in change.fields] == [("shape.corners", "conf/thing/a.yaml:1")]
    desired = replace(thing("a", shape={"corners": 3}), protect=True, origins={"x": "conf/thing/a.yaml:9"})
    (change,) = world.plan(desired)
    assert [(f.path, f.before, f.after, f.source) for f in change.fields] == [
        ("protect", False, True, "conf/thing/a.yaml")
    ]


def test_notes_of_the_kind_stand_at_the_change(world: World) -> None:
    assert world.plan(thing("a", noted=True))[0].notes == ("note of MADE",)
    world.apply(thing("a", noted=True, size=1))
    assert world.plan(thing("a", noted=True, size=2))[0].notes == ("note of MAJOR",)
    assert world.plan(thing("a", noted=True, size=1))[0].notes == ()


def test_attention_changes_nothing_and_is_sorted_by_address(world: World) -> None:
    world.apply(thing("a"), thing("b"))
    for name in ("b", "a"):
        world.kind.attention[name] = Attention(at(name), f"{name} rusts", ("a line",))
    plan_inputs = world.plan_inputs([thing("a"), thing("b")])
    assert [item.summary for item in collect_attention(plan_inputs)] == ["a rusts", "b rusts"]
    assert world.words(thing("a"), thing("b")) == {}


def test_target_excludes_unrelated_deletions(world: World) -> None:
    world.apply(thing("a"), thing("b", "a"), thing("gone"), thing("user", "gone"))
    kept = thing("a", size=2), thing("b", "a")
    assert [c.address.name for c in world.plan(*kept, targets=["a"])] == ["a"]
    assert [(c.address.name, c.action.value) for c in world.plan(*kept, targets=["gone"])] == [
        ("user", "delete"), ("gone", "delete"),
    ]  # fmt: skip


def test_resource_is_deleted_after_its_user_stops_using_it(world: World) -> None:
    world.apply(thing("a"), thing("b", "a", size=1))
    changes = world.plan(thing("b", size=2))
    assert [(c.address.name, c.action.value) for c in changes] == [("b", "update"), ("a", "delete")]
    assert changes[1].depends_on == (at("b"),)
    assert [reason.text for reason in changes[1].reasons] == ["no longer declared"]


def test_reversed_edge_is_recorded_so_that_all_can_be_destroyed(world: World) -> None:
    world.apply(thing("a", order_only=["b"]), thing("b"))
    turned = [thing("a"), thing("b", order_only=["a"])]
    assert world.words(*turned) == {"a": ("adopt", "adopt"), "b": ("adopt", "adopt")}
    world.kind.calls.clear()
    world.apply(*turned)
    assert world.kind.calls == []
    assert world.words(*turned) == {}
    assert [c.address.name for c in world.plan()] == ["b", "a"]


def test_moved_edge_is_recorded_where_the_condition_stays_false(world: World) -> None:
    world.apply(thing("a", size=1, noise=1), thing("b", "a"), thing("c"))
    desired = thing("a", size=1, noise=2), thing("b", "a", order_only=["c"]), thing("c")
    assert world.apply(*desired).cut == [at("b")]
    assert world.words(*desired) == {}
    assert [c.address.name for c in world.plan()] == ["b", "a", "c"]


def test_secret_in_a_list_makes_the_field_secret(world: World) -> None:
    world.apply(thing("a", keys=[Secret("KEY", "1").as_json()]))
    (change,) = world.plan(thing("a", keys=[Secret("KEY", "2").as_json()]))
    assert [(field.path, field.secret) for field in change.fields] == [("keys", True)]
