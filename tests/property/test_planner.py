"""Laws of the planner, for any graph of things."""

from __future__ import annotations

import html
import json
import re
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.context.secrets import seal
from mlops.engine.diff import diff
from mlops.engine.graph import reach, reverse
from mlops.engine.plan import Plan
from mlops.engine.planfile import plan_to_json
from mlops.engine.resource import Action, Desired
from mlops.errors import MlopsError
from mlops.render.document import plan_document
from mlops.render.html import render_html
from mlops.render.markdown import render_markdown
from mlops.render.terminal import render_terminal
from tests.engine_world import opened, thing

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", min_size=1, max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)
QUICK = settings(max_examples=200, deadline=None)


@st.composite
def graphs(draw: st.DrawFn) -> list[Desired]:
    """Up to seven things in any order of names; each may need those before it, or only come after them."""
    names = draw(st.permutations([f"n{number}" for number in range(draw(st.integers(1, 7)))]))
    made = []
    for number, name in enumerate(names):
        needs = draw(st.sets(st.sampled_from(names[:number]), max_size=3)) if number else set()
        after = draw(st.sets(st.sampled_from(names[:number]), max_size=2)) - needs if number else set()
        inputs = {"size": draw(st.integers(0, 1)), "noise": draw(st.integers(0, 1)), "place": draw(st.integers(0, 1))}
        made.append(thing(name, *sorted(needs), order_only=sorted(after), **inputs))
    return made


@QUICK
@given(graphs(), graphs())
def test_plan_after_an_apply_is_all_no_op(first: list[Desired], second: list[Desired]) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        for desired in (first, second):
            assert not world.apply(*desired).failed
            assert {change.action for change in world.plan(*desired)} <= {Action.NOOP}
        assert set(world.things) == {one.address.name for one in second}
        assert not world.apply().failed
        assert (world.things, world.store.records(), world.store.intents()) == ({}, {}, [])


@QUICK
@given(graphs(), st.sets(st.sampled_from([f"n{number}" for number in range(7)])), st.sampled_from([1, 4]))
def test_failure_stops_only_dependents_and_the_next_apply_goes_on(
    desired: list[Desired], broken: set[str], parallel: int
) -> None:
    needs = {one.address: [need.address for need in one.depends_on] for one in desired}
    stopped = reach([address for address in needs if address.name in broken], reverse(needs))
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        world.kind.broken = {name: MlopsError.of("it broke", "It broke.") for name in broken}
        result = world.apply(*desired, parallel=parallel)
        assert set(result.done) == needs.keys() - stopped
        assert {*result.failed, *result.skipped} == stopped
        assert all(address.name in broken for address in result.failed)
        world.kind.broken.clear()
        assert not world.apply(*desired).failed
        assert {change.action for change in world.plan(*desired)} <= {Action.NOOP}
        assert world.store.intents() == []


@QUICK
@given(graphs(), graphs(), st.data())
def test_targets_include_their_needs_and_leave_the_rest(
    first: list[Desired], second: list[Desired], data: st.DataObject
) -> None:
    target = data.draw(st.sampled_from(second)).address
    needs = {one.address: [need.address for need in one.depends_on] for one in second}
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        world.apply(*first)
        whole = {change.address: change for change in world.plan(*second)}
        part = world.plan(*second, targets=[target.name])
    assert {change.address for change in part} == reach([target], needs)
    assert all(change == whole[change.address] for change in part)


@QUICK
@given(graphs())
def test_order_respects_the_graph_and_deletion_reverses_it(desired: list[Desired]) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        up = [change.address for change in world.plan(*desired)]
        world.apply(*desired)
        down = [change.address for change in world.plan()]
    needs = [(one.address, need.address) for one in desired for need in one.depends_on]
    assert all(up.index(need) < up.index(user) for user, need in needs)
    assert all(down.index(user) < down.index(need) for user, need in needs)


@QUICK
@given(graphs(), graphs())
def test_equal_plans_render_equal_bytes(first: list[Desired], second: list[Desired]) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        world.apply(*first)
        one, two = (Plan("p", "dev", "l", 1, "t", world.plan(*second)) for _ in range(2))
    for view in (render_terminal, render_markdown, render_html):
        assert view(plan_document(one)) == view(plan_document(two))


@given(JSON)
def test_value_does_not_differ_from_itself(value: Any) -> None:
    assert diff({"a": value}, {"a": value}) == ()


@given(JSON, JSON)
def test_diff_is_symmetric_and_stays_below_its_path(before: Any, after: Any) -> None:
    differences = diff({"a": before}, {"a": after})
    assert bool(differences) == bool(diff({"a": after}, {"a": before}))
    assert all(one.path == "a" or one.path.startswith("a.") for one in differences)


SECRETS = st.text("abcXYZ019 $<>&|*_{}", min_size=1, max_size=12).map(lambda text: f"S3CR3T{text}")
SHAPES: list[Callable[[str], Any]] = [lambda s: s, lambda s: [s], lambda s: {"deep": [{"er": s}]}]


@QUICK
@given(SECRETS, SECRETS, st.sampled_from(SHAPES))
def test_secret_appears_in_no_view_file_event_or_row(first: str, second: str, shape: Callable[[str], Any]) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        world.store.prepare()
        sealed = []
        for value in (first, second):
            (Path(folder) / "KEY").touch(mode=0o600)
            (Path(folder) / "KEY").write_text(value)
            sealed.append(seal(shape("${secret:KEY}"), Path(folder), world.store.head().salt))
        world.apply(thing("a", key=sealed[0]))
        plan = Plan("p", "dev", "l", 1, "t", world.plan(thing("a", key=sealed[1]), thing("b", key=sealed[1])))
        world.apply(thing("a", key=sealed[1]))
        raw = sqlite3.connect(Path(folder) / "state.db")
        kept = "\n".join(raw.iterdump()) + plan_to_json(plan) + repr(world.events)
        raw.close()
    document = plan_document(plan)
    page = html.unescape(render_html(document))
    views = [json.dumps(document), render_terminal(document), render_markdown(document), page]
    assert not any("S3CR3T" in text for text in (*views, kept))
    digests = re.findall(r"[0-9a-f]{64}", json.dumps(sealed))
    assert len(digests) == 2
    assert not any(digest in view for digest in digests for view in views)
    assert plan.changes[0].action is (Action.NOOP if first == second else Action.UPDATE)
