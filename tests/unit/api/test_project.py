"""A project that is opened, planned, applied and taken back, without a command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops.address import Address
from mlops.api import Options, Project, composed_config, plan_rollback, rollback_edits, view_of, why
from mlops.api.rollback import _named, rollback_step
from mlops.engine.resource import Action, Outcome, Record, Step
from mlops.engine.state import Version
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


def test_rollback_goes_to_the_version_before_or_the_named_one(tmp_path: Path) -> None:
    write_files(tmp_path, CHAIN)
    apply(tmp_path)
    project = apply(tmp_path, "value.one.value=2")
    serials = [version.serial for version in project.store.versions(TWO)]
    digest = str(project.store.versions(TWO)[0].record.outputs["digest"])  # type: ignore[union-attr]
    for to in (None, str(serials[0]), digest, digest[:8]):
        assert rollback_step(project.store, project.spec, "value.two", to) == f"value.two@{serials[0]}"


def test_beginning_that_different_digests_share_names_no_version(tmp_path: Path) -> None:
    def version(serial: int, digest: str) -> Version:
        return Version(serial, "", "", Record(TWO, {}, {"digest": digest, "version": f"v{serial}"}, serial=serial))

    versions = [
        version(3, "abcd11"),
        version(5, "abcd22"),
        version(7, "abcd22"),
        version(1234, "777777"),
        version(1240, "1234ff"),
    ]
    assert [_named(TWO, versions, to) for to in ("abcd1", "abcd2", "v5", "1234", "abc")] == [
        versions[0], versions[2], versions[1], versions[3], None,
    ]  # fmt: skip
    with pytest.raises(MlopsError, match="abcd11, abcd22, which are different versions"):
        _named(TWO, versions, "abcd")


def test_rollback_uses_what_was_consumed_then_and_changes_nothing_else(tmp_path: Path) -> None:
    write_files(tmp_path, CHAIN)
    apply(tmp_path)
    project = apply(tmp_path, "value.one.value=2")
    write_files(tmp_path, {"conf/value/one.yaml": "value: 3\n", "conf/value/three.yaml": "value: 4\n"})
    project = Project.open(tmp_path)
    plan = plan_rollback(project, "value.two", None)
    assert [(str(c.address), str(c.action), c.fields) for c in plan.changes] == [("value.two", "update", ())]
    assert project.apply(plan).error is None
    records = project.store.records()
    assert (records[TWO].outputs["value"], records[ONE].outputs["value"]) == (1, 2)
    assert Address("value", "three") not in records


def test_plan_after_a_rollback_says_that_it_leads_away_from_it(tmp_path: Path) -> None:
    write_files(tmp_path, CHAIN)
    apply(tmp_path)
    project = apply(tmp_path, "value.one.value=2")
    project.apply(plan_rollback(project, "value.two", None))
    back = project.store.records()[TWO].rolled_back_to
    change = next(c for c in Project.open(tmp_path, overrides=["value.one.value=2"]).plan().changes if c.address == TWO)
    assert change.action is Action.UPDATE
    assert [reason.text for reason in change.reasons] == [
        f"it was rolled back to serial {back}, and what is declared is otherwise",
        "value.one's value is another than it was made from",
    ]
    again = apply(tmp_path, "value.one.value=2")
    assert again.store.records()[TWO].rolled_back_to is None
    assert pending(again) == {}


def test_rollback_to_what_is_there_changes_nothing(tmp_path: Path) -> None:
    write_files(tmp_path, CHAIN)
    project = apply(tmp_path)
    serial = project.store.records()[TWO].serial
    (change,) = plan_rollback(project, "value.two", str(serial)).changes
    assert (change.action, change.reasons[0].text) == (
        Action.NOOP, f"nothing differs: it is what serial {serial} recorded",
    )  # fmt: skip


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
            rollback_step(project.store, project.spec, "value.one", to)


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
