"""Stop the apply before and after every step: plan and apply again reach the same world."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlops.engine.resource import Desired
from tests.engine_world import World, digests, opened, thing

BEFORE = [
    thing("a", size=1),
    thing("b", "a"),
    thing("c", "b"),
    thing("old"),
    thing("older", "old"),
    thing("m", place="x"),
]
AFTER = [thing("a", size=2), thing("b", "a"), thing("c", "b", size=3), thing("new", "a"), thing("m", place="y")]


class Killed(BaseException):
    """What a kill is to the code that it hits: nothing after it runs."""


class Tripwire:
    """Counts the boundaries of steps, and kills at one of them."""

    def __init__(self, at: int | None) -> None:
        self.at, self.passed = at, 0

    def __call__(self, where: str) -> None:
        self.passed += 1
        if self.passed == self.at:
            raise Killed(where)


class Fragile:
    """A store with a tripwire before and after every write."""

    def __init__(self, store: Any, wire: Callable[[str], None]) -> None:
        self._store, self._wire = store, wire

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name not in ("intend", "write", "delete", "close"):
            return method

        def wrapped(*words: Any, **named: Any) -> Any:
            self._wire(f"before {name}")
            answer = method(*words, **named)
            self._wire(f"after {name}")
            return answer

        return wrapped


def run(world: World, wire: Tripwire, desired: list[Desired]) -> None:
    world.kind.touch = wire
    try:
        world.apply(*desired, store=Fragile(world.store, wire))
    finally:
        world.kind.touch = lambda where: None


def boundaries(tmp_path: Path) -> int:
    with opened(tmp_path) as world:
        world.apply(*BEFORE)
        wire = Tripwire(None)
        run(world, wire, AFTER)
        return wire.passed


def expected(tmp_path: Path) -> tuple[Any, Any]:
    with opened(tmp_path) as world:
        world.apply(*BEFORE)
        world.apply(*AFTER)
        return dict(world.things), digests(world)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_next_apply_reaches_the_same_world_whatever_the_moment(tmp_path: Path) -> None:
    (tmp_path / "count").mkdir()
    (tmp_path / "plain").mkdir()
    count, goal = boundaries(tmp_path / "count"), expected(tmp_path / "plain")
    assert count > 30
    for moment in range(1, count + 1):
        folder = tmp_path / str(moment)
        folder.mkdir()
        with opened(folder) as world:
            world.apply(*BEFORE)
            with pytest.raises(Killed):
                run(world, Tripwire(moment), AFTER)
            assert not world.apply(*AFTER).failed
            assert (dict(world.things), digests(world)) == goal, f"killed at boundary {moment}"
            assert world.store.intents() == []
            assert world.words(*AFTER) == {}
