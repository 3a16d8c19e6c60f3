"""Stop an apply of every kind before and after each of its steps: the next one reaches the same world, nothing twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlops.engine.resource import Action
from mlops.engine.selection import EVERYTHING, Selection
from tests.fault.fake_project import Chain, at, declare
from tests.fault.test_stopped_anywhere import Fragile, Killed, Tripwire

DATASET = {
    "sources": {"rows": {"uri": "rows.csv"}}, "sql": "SELECT number, late FROM rows", "label": "late",
    "features": {"numeric": ["number"]}, "split": {"by": "random", "val": "10%", "test": "20%"},
}  # fmt: skip


def line(name: str, *, size: int = 64, rows: int = 500, replicas: int = 1, window: str = "1h") -> dict[str, Any]:
    """The chain of one model, from its data to its monitor."""
    return {
        f"dataset/{name}": {**DATASET, "description": name},
        f"model/{name}": {
            "dataset": name, "task": "binary", "architecture": {"name": "linear"}, "trainer": {"batch_size": size},
            "gates": ["test_auc >= 0.6"],
        },
        f"package/{name}": {"model": name, "api": {"max_rows": rows}},
        f"endpoint/{name}": {"package": name, "stack": "local", "replicas": replicas},
        f"monitor/{name}": {"endpoint": name, "window": window},
    }  # fmt: skip


LOCAL = {"stack/local": {"target": "local", "port": 18080}}
OTHER = {"stack/other": {"target": "local", "port": 18081}}
BEFORE = {**LOCAL, **OTHER, **line("kept"), **line("old")}
AFTER = {
    "stack/local": {"target": "local", "port": 18080, "log_files": 2}, "stack/new": {"target": "local", "port": 18082},
    **line("kept", size=32, rows=600, replicas=2, window="2h"), **line("new"),
}  # fmt: skip
ANEW = Selection(replace=tuple(at(f"{kind}.kept") for kind in ("dataset", "model", "package", "endpoint", "monitor")))


@pytest.fixture
def chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    made = Chain(tmp_path, monkeypatch)
    declare(made.root, BEFORE)
    assert not made.apply().failed
    assert made.plan() == []
    made.mark()
    return made


def stopped(chain: Chain, moment: int | None, files: dict[str, Any], selection: Selection) -> int:
    """How many boundaries were passed; killed at number `moment`."""
    chain.back()
    declare(chain.root, files)
    wire = Tripwire(moment)
    chain.doors.touch = wire
    if moment is None:
        assert not chain.apply(selection, store=lambda store: Fragile(store, wire)).failed
    else:
        with pytest.raises(Killed):
            chain.apply(selection, store=lambda store: Fragile(store, wire))
    chain.doors.touch = lambda where: None
    return wire.passed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_apply_stopped_at_any_step_is_finished_by_the_next(chain: Chain) -> None:
    count = stopped(chain, None, AFTER, EVERYTHING)
    goal = chain.world()
    assert count > 140
    for moment in range(1, count + 1):
        stopped(chain, moment, AFTER, EVERYTHING)
        assert not chain.apply().failed, f"killed at boundary {moment}"
        assert chain.world() == goal, f"killed at boundary {moment}"
        assert chain.plan() == []
        twice = {what: often for what, often in chain.doors.done.items() if often > 1}
        assert twice == {}, f"killed at boundary {moment}"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_replacement_stopped_at_any_step_is_finished_by_the_next_apply(chain: Chain) -> None:
    count = stopped(chain, None, BEFORE, ANEW)
    goal = unnumbered(chain.world())
    assert count > 50
    for moment in range(1, count + 1):
        stopped(chain, moment, BEFORE, ANEW)
        assert not chain.apply().failed, f"killed at boundary {moment}"
        assert unnumbered(chain.world()) == goal, f"killed at boundary {moment}"
        assert chain.plan() == []


def unnumbered(world: dict[str, Any]) -> str:
    """However often an endpoint's version was begun anew."""
    comparable = {**world, "runs": {folder: sorted(map(repr, one.values())) for folder, one in world["runs"].items()}}
    return re.sub(r"\bv\d+\b|\"next\": \d+", "v", repr(sorted(comparable.items())))


def test_stopped_plan_has_every_action_and_every_kind(chain: Chain) -> None:
    declare(chain.root, AFTER)
    planned = {(change.action, change.address.kind) for change in chain.plan()}
    kinds = {"dataset", "model", "package", "stack", "endpoint", "monitor"}
    assert {kind for action, kind in planned if action is Action.CREATE} == kinds
    assert {kind for action, kind in planned if action.removes_record} == kinds
    changed = (Action.UPDATE, Action.RUN, Action.MAYBE)
    assert {kind for action, kind in planned if action in changed} == kinds - {"dataset"}
    assert {(c.action, c.address.kind) for c in chain.plan(ANEW)} >= {(Action.REPLACE, at.kind) for at in ANEW.replace}
