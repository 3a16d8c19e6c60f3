"""Laws of the planner, for any graph of things."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlops.engine.diff import diff
from mlops.engine.plan import Plan
from mlops.engine.resource import Action, Desired, Secret
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
QUICK = settings(max_examples=30, deadline=None)


@st.composite
def graphs(draw: st.DrawFn) -> list[Desired]:
    """Up to seven things; each may need those before it."""
    count = draw(st.integers(1, 7))
    made = []
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        size = draw(st.integers(0, 2))
        made.append(thing(f"n{number}", *[f"n{need}" for need in sorted(needs)], size=size))
    return made


@QUICK
@given(graphs(), graphs())
def test_a_plan_after_an_apply_is_all_no_op(first: list[Desired], second: list[Desired]) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        for desired in (first, second):
            assert not world.apply(*desired).failed
            assert {change.action for change in world.plan(*desired)} <= {Action.NOOP}
        assert set(world.things) == {one.address.name for one in second}


@QUICK
@given(graphs())
def test_the_order_respects_the_graph_and_deletion_reverses_it(desired: list[Desired]) -> None:
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
def test_nothing_differs_from_itself(value: Any) -> None:
    assert diff({"a": value}, {"a": value}) == ()


@given(JSON, JSON)
def test_what_differs_is_told_and_what_is_told_differs(before: Any, after: Any) -> None:
    told = diff({"a": before}, {"a": after})
    assert bool(told) == bool(diff({"a": after}, {"a": before}))
    assert all(one.path == "a" or one.path.startswith("a.") for one in told)


@QUICK
@given(st.text("abcdef0123456789", min_size=12, max_size=20))
def test_the_digest_of_a_secret_stands_in_no_view(digest: str) -> None:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as world:
        world.apply(thing("a", key=Secret("KEY", "0" * 20).as_json()))
        changes = world.plan(thing("a", key=Secret("KEY", digest).as_json()))
        document = plan_document(Plan("p", "dev", "l", 1, "t", changes))
    views = [render_terminal(document), render_markdown(document), render_html(document), str(document)]
    assert all("KEY" in view and digest not in view for view in views)
