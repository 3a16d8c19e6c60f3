"""What is decided from three truths."""

from __future__ import annotations

import pytest

from mlops.engine.diff import diff
from mlops.engine.graph import order
from mlops.engine.resource import Action, Reason, Secret, Stale
from mlops.errors import InvalidConfig
from tests.engine_world import MADE, World, at, thing


def test_a_new_thing_is_created_and_then_nothing_differs(world: World) -> None:
    assert world.words(thing("a", size=1)) == {"a": ("create", "MADE")}
    world.apply(thing("a", size=1))
    (change,) = world.plan(thing("a", size=1))
    assert (change.action, [reason.text for reason in change.reasons]) == (Action.NOOP, ["nothing differs"])


def test_a_field_that_changed_is_told_with_its_values_and_its_place(world: World) -> None:
    world.apply(thing("a", size=1, color="red"))
    (change,) = world.plan(thing("a", size=2, color="red"))
    (field,) = change.fields
    assert (field.path, field.before, field.after, field.source) == ("size", 1, 2, "conf/thing/a.yaml:1")
    assert (change.action, change.category) == (Action.UPDATE, "MAJOR")


def test_the_gravest_field_names_the_category_and_the_strongest_the_action(world: World) -> None:
    world.apply(thing("a", size=1, color="red", place="x"))
    assert world.words(thing("a", size=1, color="blue", place="x")) == {"a": ("update", "MINOR")}
    assert world.words(thing("a", size=2, color="blue", place="y")) == {"a": ("replace", "MOVE")}


def test_below_a_change_everything_is_conditional_and_below_one_that_keeps_nothing_is(world: World) -> None:
    world.apply(thing("a", size=1, color="red"), thing("b", "a"), thing("c", "b"))
    assert world.words(thing("a", size=2, color="red"), thing("b", "a"), thing("c", "b")) == {
        "a": ("update", "MAJOR"), "b": ("if-upstream-changes", "FOLLOW"), "c": ("if-upstream-changes", "FOLLOW"),
    }  # fmt: skip
    assert world.words(thing("a", size=1, color="blue"), thing("b", "a"), thing("c", "b")) == {"a": ("update", "MINOR")}


def test_a_thing_that_only_comes_after_another_does_not_follow_it(world: World) -> None:
    world.apply(thing("a", size=1), thing("b", order_only=["a"]))
    assert world.words(thing("a", size=2), thing("b", order_only=["a"])) == {"a": ("update", "MAJOR")}


def test_an_upstream_that_is_another_than_was_consumed_is_a_change(world: World) -> None:
    world.apply(thing("a", size=1), thing("b", "a"))
    world.things["a"] = {"inputs": {"size": 1}, "digest": "made elsewhere"}
    with pytest.MonkeyPatch.context() as patch:
        records = dict(world.store.records())
        records[at("a")] = type(records[at("a")])(at("a"), {"size": 1}, {"digest": "made elsewhere"})
        patch.setattr(world.store, "records", lambda: records)
        assert world.words(thing("a", size=1), thing("b", "a")) == {"b": ("update", "FOLLOW")}


def test_what_the_world_shows_otherwise_is_a_change_with_its_reason(world: World) -> None:
    world.apply(thing("a", size=1))
    world.kind.stale["a"] = Stale(Reason("it rusts"), MADE)
    (change,) = world.plan(thing("a", size=1))
    assert (change.reasons[0].text, change.category) == ("it rusts", "MADE")
    del world.kind.stale["a"]
    del world.things["a"]
    assert world.words(thing("a", size=1)) == {"a": ("create", "MADE")}


def test_what_was_made_elsewhere_is_taken_over_quietly(world: World) -> None:
    world.things["a"] = {"inputs": {"size": 1}, "digest": "theirs"}
    world.kind.adopted.add("a")
    assert world.words(thing("a", size=1)) == {"a": ("adopt", "adopt")}
    assert world.words(thing("a", size=2)) == {"a": ("update", "MAJOR")}
    world.apply(thing("a", size=1))
    assert world.words(thing("a", size=1)) == {}
    assert world.kind.calls == []


def test_what_is_no_longer_declared_is_deleted_after_its_users(world: World) -> None:
    world.apply(thing("a"), thing("b", "a"), thing("c", "b"))
    assert [(c.address.name, c.action.value) for c in world.plan()] == [
        ("c", "delete"),
        ("b", "delete"),
        ("a", "delete"),
    ]


def test_protection_is_the_records_and_outlives_the_declaration(world: World) -> None:
    world.apply(thing("a", protect=True, place="x"))
    (gone,) = world.plan()
    assert gone.blocked
    (moved,) = world.plan(thing("a", protect=True, place="y"))
    assert moved.blocked
    (changed,) = world.plan(thing("a", protect=True, place="x", size=2))
    assert not changed.blocked
    assert world.words(thing("a", place="x")) == {"a": ("update", "MINOR")}


def test_targets_take_what_they_need_and_for_deletion_what_needs_them(world: World) -> None:
    all_of_them = [thing("a"), thing("b", "a"), thing("c", "b"), thing("d")]
    assert [c.address.name for c in world.plan(*all_of_them, targets=["b"])] == ["a", "b"]
    world.apply(*all_of_them)
    assert [c.address.name for c in world.plan(targets=["b"])] == ["c", "b"]


def test_a_cycle_is_named() -> None:
    with pytest.raises(InvalidConfig, match=r"thing\.a → thing\.b → thing\.a"):
        order({at("a"): [at("b")], at("b"): [at("a")], at("c"): []})


def test_differences_are_told_leaf_by_leaf_and_lists_as_a_whole() -> None:
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
