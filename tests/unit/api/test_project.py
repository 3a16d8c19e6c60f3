"""A project that is opened, planned, applied and taken back, without a command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops.address import Address
from mlops.api import Options, Project, composed_config, plan_rollback, rollback_edits, view_of, why
from mlops.api.rollback import rollback_steps
from mlops.engine.resource import Action, Outcome, Step
from mlops.errors import MlopsError, StalePlan
from mlops.plugin.value import ValueKind
from tests.small_project import VALUES, write_files

ONE, TWO = Address("value", "one"), Address("value", "two")
CHAIN = {**VALUES, "conf/value/two.yaml": "value: '${output:value.one.value}'\n"}


def apply(root: Path, *overrides: str, options: Options | None = None) -> Project:
    project = Project.open(root, overrides=overrides)
    report = project.apply(project.plan(options))
    assert report.error is None
    return project


def pending(project: Project) -> dict[str, str]:
    changes = project.plan().changes
    return {str(c.address): str(c.action) for c in changes if c.action is not Action.NOOP}


def test_project_without_changes_plans_none(tmp_path: Path) -> None:
    write_files(tmp_path, CHAIN)
    assert pending(Project.open(tmp_path)) == {"value.one": "create", "value.two": "create"}
    assert pending(apply(tmp_path)) == {}


def test_step_that_failed_is_not_said_to_be_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, VALUES)
    apply(tmp_path)
    project = Project.open(tmp_path, overrides=["value.one.value=2"])

    def fails(kind: ValueKind, step: Step) -> Outcome:
        raise MlopsError.of("no luck", "It did not work.")

    with monkeypatch.context() as patched:
        patched.setattr(ValueKind, "update", fails)
        assert project.carry_out(project.plan()).error is not None
    (change,) = [c for c in project.plan().changes if c.address == ONE]
    assert [reason.text for reason in change.reasons] == ["value changed", "the last apply of it failed"]


def test_plan_of_what_moved_meanwhile_is_stale(tmp_path: Path) -> None:
    project = Project.open(write_files(tmp_path, VALUES))
    plan = project.plan()
    apply(tmp_path)
    with pytest.raises(StalePlan):
        project.apply(plan)


def test_steps_back_name_the_resource_and_what_it_was_made_from(tmp_path: Path) -> None:
    write_files(tmp_path, CHAIN)
    apply(tmp_path)
    project = apply(tmp_path, "value.one.value=2")
    steps = rollback_steps(project.store, project.spec, "value.two", None)
    assert [step.partition("@")[0] for step in steps] == ["value.one", "value.two"]


def test_rollback_plans_the_recorded_inputs_and_says_what_to_write(tmp_path: Path) -> None:
    write_files(tmp_path, VALUES)
    apply(tmp_path)
    project = apply(tmp_path, "value.one.value=2")
    plan = plan_rollback(project, "value.one", None)
    (change,) = [change for change in plan.changes if change.fields]
    assert [(field.path, field.before, field.after) for field in change.fields] == [("value", 2, 1)]
    assert rollback_edits(project, plan)[1:] == ["  conf/value/one.yaml  value: 1"]


def test_version_that_never_was_is_refused(tmp_path: Path) -> None:
    write_files(tmp_path, VALUES)
    project = apply(tmp_path)
    for to in (None, "99", "ffff"):
        with pytest.raises(MlopsError, match="mlops history value.one"):  # noqa: RUF043
            rollback_steps(project.store, project.spec, "value.one", to)


def test_why_follows_what_was_consumed_to_the_apply_that_made_it(tmp_path: Path) -> None:
    write_files(tmp_path, CHAIN)
    reasons = why(apply(tmp_path), "value.two")
    (upstream,) = [one for one in reasons["upstream"] if one["output"] == "value"]
    assert (upstream["address"], upstream["value"]) == ("value.one", 1)
    assert upstream["made"]["serial"] == 1
    assert reasons["pending"] == []


def test_why_says_what_is_pending_and_because_of_what(tmp_path: Path) -> None:
    write_files(tmp_path, CHAIN)
    apply(tmp_path)
    write_files(tmp_path, {"conf/value/one.yaml": "value: 5\n"})
    (chain,) = why(Project.open(tmp_path), "value.two")["pending"]
    assert any("conf/value/one.yaml:1" in text for text in chain)


def test_moved_resource_is_renamed_and_nothing_is_made_again(tmp_path: Path) -> None:
    write_files(tmp_path, VALUES)
    apply(tmp_path)
    (tmp_path / "conf/value/one.yaml").rename(tmp_path / "conf/value/two.yaml")
    write_files(tmp_path, {"conf/project.yaml": "name: values\nmoved: { value.one: value.two }\n"})
    assert pending(Project.open(tmp_path)) == {"value.two": "move"}
    assert list(apply(tmp_path).store.records()) == [TWO]


def test_views_draw_the_same_document(tmp_path: Path) -> None:
    project = Project.open(write_files(tmp_path, VALUES))
    document = project.document(project.plan())
    assert json.loads(view_of(document, "json")) == json.loads(json.dumps(document))
    assert all("value.one" in view_of(document, view) for view in ("terminal", "markdown", "html"))


def test_composed_configuration_has_a_line_for_each_value(tmp_path: Path) -> None:
    lines = composed_config(write_files(tmp_path, VALUES), ["value.one.value=[1, {a: b}]"], []).splitlines()
    assert lines[0] == "value.one"
    assert lines[1].split() == ["value:", "[1,", '{"a":', '"b"}]', "command", "line"]
