"""Hold a kind against what the engine asks of it.

Lives here: KindContract, the suite that every kind passes; authors of kinds subclass it in their own tests.
Not here: tests of one kind.
Law: goes through the real engine, state and composition, in a project of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from mlops.address import Address
from mlops.api import Project
from mlops.config.schema.category import Category
from mlops.config.schema.json_schema import category_of, schemas
from mlops.engine.apply import ApplyContext, apply_plan
from mlops.engine.lease import Holder, lease
from mlops.engine.plan import make_plan
from mlops.engine.resource import Action, Step
from mlops.engine.store import DatabaseStore

_WRITES = ("intend", "write", "delete")


class Killed(BaseException):
    """Stands for the death of the process."""


class KindContract:
    """The tests that every kind passes. `before` and `after`: two ways to declare a resource of `kind`, as its file
    would. `arrange` makes what they need, such as resources that they name. Pytest collects it in subclasses whose
    names begin with Test."""

    kind: ClassVar[str]
    before: ClassVar[Mapping[str, Any]]
    after: ClassVar[Mapping[str, Any]]

    def arrange(self, root: Path) -> None:
        """Write what the resource needs below `root`, other files of conf/ too."""

    def test_resource_is_created_once_and_then_nothing_differs(self, tmp_path: Path) -> None:
        self._declare(tmp_path, self.before)
        assert self._pending(tmp_path)[self._at][0] is Action.CREATE
        self._apply(tmp_path)
        assert self._pending(tmp_path) == {}
        assert self._apply(tmp_path) == []

    def test_change_names_its_category_and_field_and_is_made(self, tmp_path: Path) -> None:
        self._declare(tmp_path, self.before)
        self._apply(tmp_path)
        self._declare(tmp_path, self.after)
        change = next(c for c in Project.open(tmp_path).plan().changes if c.address == self._at)
        assert change.action.changes_existing or change.action.runs_again
        assert change.category in [str(category) for category in Category]
        assert change.fields
        assert all(reason.text for reason in change.reasons)
        self._apply(tmp_path)
        assert self._pending(tmp_path) == {}

    def test_observing_changes_nothing_and_finds_the_same_again(self, tmp_path: Path) -> None:
        self._declare(tmp_path, self.before)
        self._apply(tmp_path)
        self._declare(tmp_path, self.after)
        files = self._files(tmp_path)
        first, second = (Project.open(tmp_path).plan().changes for _ in range(2))
        assert first == second
        assert self._files(tmp_path) == files

    def test_recorded_outputs_are_json_and_have_a_digest(self, tmp_path: Path) -> None:
        self._declare(tmp_path, self.before)
        self._apply(tmp_path)
        record = Project.open(tmp_path).store.records()[self._at]
        assert record.outputs.get("digest")
        assert json.loads(json.dumps(record.outputs, allow_nan=False)) == record.outputs

    def test_apply_killed_at_any_write_is_finished_by_the_next(self, tmp_path: Path) -> None:
        """Stop a creation, an update and a deletion before and after each write of the state."""
        for number, (first, then) in enumerate(((None, self.before), (self.before, self.after), (self.before, None))):
            for stop in range(2 * len(_WRITES)):
                root = tmp_path / f"{number}-{stop}"
                self._declare(root, first)
                if first is not None:
                    self._apply(root)
                self._declare(root, then)
                self._die(root, stop)
                self._apply(root)
                project = Project.open(root)
                assert not [c for c in project.plan().changes if c.action.changes_something]
                assert (self._at in project.store.records()) == (then is not None)
                assert not project.store.intents()

    def test_deleting_again_finds_nothing_to_do(self, tmp_path: Path) -> None:
        self._declare(tmp_path, self.before)
        self._apply(tmp_path)
        project = Project.open(tmp_path)
        record, world = project.store.records()[self._at], project.look()
        for _ in range(2):
            step = Step(self._at, Action.DELETE, "DESTROY", "key", None, record)
            world.plan_inputs.kinds[self.kind].delete(step)

    def test_fields_are_documented_and_have_a_category(self) -> None:
        schema = schemas()[self.kind]
        assert schema.get("description"), "say in the model's docstring what it is"
        for name, field in schema["properties"].items():
            assert field.get("description"), f"say what `{name}` means: spec_field(doc=…)"
            assert category_of(self.kind, name) in Category

    @property
    def _at(self) -> Address:
        return Address(self.kind, "it")

    def _declare(self, root: Path, fields: Mapping[str, Any] | None) -> None:
        folder = root / "conf" / self.kind
        folder.mkdir(parents=True, exist_ok=True)
        (root / "conf" / "project.yaml").write_text("name: contract\n")
        self.arrange(root)
        file = folder / "it.yaml"
        file.unlink(missing_ok=True)
        if fields is not None:
            file.write_text(json.dumps(dict(fields)))

    def _apply(self, root: Path) -> list[Address]:
        project = Project.open(root)
        report = project.apply(project.plan())
        if report.error is not None:
            raise report.error
        return report.result.done

    def _pending(self, root: Path) -> dict[Address, tuple[Action, str]]:
        changes = Project.open(root).plan().changes
        return {c.address: (c.action, c.category) for c in changes if c.action.changes_something}

    def _files(self, root: Path) -> dict[str, int]:
        outside = [path for path in root.rglob("*") if path.is_file() and ".mlops" not in path.parts]
        return {str(path): path.stat().st_mtime_ns for path in outside}

    def _die(self, root: Path, stop: int) -> None:
        project = Project.open(root)
        with lease(project.store, Holder.me("contract", "now")) as token:
            plan_inputs = project.look().plan_inputs
            apply_context = ApplyContext(plan_inputs, _Dying(project.store, stop), "dying", token, parallel=1)
            try:
                apply_plan(make_plan(plan_inputs), apply_context)
            except Killed:
                return


class _Dying:
    """A store whose process dies before (even) or after (odd) its write number `stop // 2`."""

    def __init__(self, store: DatabaseStore, stop: int) -> None:
        self.store, self.stop, self.count = store, stop, 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)
        if name not in _WRITES:
            return method

        def write(*args: Any, **kwargs: Any) -> Any:
            number, self.count = self.count, self.count + 1
            if self.stop == 2 * number:
                raise Killed
            answer = method(*args, **kwargs)
            if self.stop == 2 * number + 1:
                raise Killed
            return answer

        return write
