"""The verbs that plan and change: their arguments, their exit codes, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops.api import Project
from mlops.engine.lease import Holder, lease
from tests.small_project import write_files
from tests.unit.cli.conftest import Shell


def test_plan_shows_what_is_pending_and_exits_0(mlops: Shell) -> None:
    ended = mlops("plan")
    assert (ended.code, ended.err) == (0, "")
    assert "value.one  PROVISION  new" in ended.out


def test_detailed_exit_code_is_2_while_changes_are_pending(mlops: Shell) -> None:
    assert mlops("plan", "--detailed-exitcode").code == 2
    mlops("apply", "--yes")
    assert mlops("plan", "--detailed-exitcode").code == 0
    assert mlops("plan", "value.one.value=2", "--detailed-exitcode").code == 2


def test_plan_is_written_in_each_format(mlops: Shell) -> None:
    document = json.loads(mlops("plan", "--format", "json").out)
    assert [change["address"] for change in document["changes"]] == ["value.one"]
    assert "value.one" in mlops("plan", "--format", "markdown").out
    assert mlops("plan", "--format", "html").out.startswith("<!doctype html>")
    assert mlops("plan", "--format", "pdf").code == 1


def test_plan_of_a_broken_file_exits_3(mlops: Shell, project: Path) -> None:
    write_files(project, {"conf/value/one.yaml": "valu: 1\n"})
    ended = mlops("plan")
    assert (ended.code, ended.out) == (3, "")
    assert ended.err.startswith("Error: unknown field")
    assert "Nothing was planned." in ended.err


def test_target_and_exclude_narrow_a_plan(mlops: Shell, project: Path) -> None:
    write_files(project, {"conf/value/two.yaml": "value: 2\n"})
    only = json.loads(mlops("plan", "--format", "json", "--target", "value.two").out)
    but = json.loads(mlops("plan", "--format", "json", "--exclude", "value.two").out)
    assert [[change["address"] for change in plan["changes"]] for plan in (only, but)] == [["value.two"], ["value.one"]]
    assert "Did you mean" in mlops("plan", "--target", "value.tow").err


def test_apply_asks_and_without_a_terminal_refuses(mlops: Shell) -> None:
    ended = mlops("apply")
    assert (ended.code, ended.err.splitlines()[0]) == (1, "Error: no one to ask")
    assert json.loads(mlops("status", "--json").out) == []


def test_apply_makes_it_so_once(mlops: Shell) -> None:
    assert "Applied 1 change" in mlops("apply", "--yes").out
    assert "No changes" in mlops("apply", "--yes").out


def test_apply_streams_json_lines(mlops: Shell) -> None:
    lines = [json.loads(line) for line in mlops("apply", "--yes", "--json").out.splitlines()]
    assert lines[0]["format"]
    assert any(line.get("address") == "value.one" for line in lines[1:])


def test_override_that_was_applied_is_answered_with_the_edit_to_keep_it(mlops: Shell) -> None:
    assert "conf/value/one.yaml:  value: 2" in mlops("apply", "--yes", "value.one.value=2").out


def test_saved_plan_is_applied_once_and_then_is_stale(mlops: Shell) -> None:
    assert mlops("plan", "--out", "plan.json").code == 0
    assert mlops("apply", "plan.json").code == 0
    assert mlops("apply", "plan.json").code == 4


@pytest.mark.parametrize(
    ("words", "summary"),
    [
        (("apply", "plan.json", "value.one.value=2"), "too many arguments"),
        (("apply", "plan.json", "--target", "value.one"), "too many arguments"),
        (("apply", "--resume"), "nothing to resume"),
        (("destroy",), "no one to ask"),
    ],
)
def test_arguments_that_contradict_each_other_exit_1(mlops: Shell, words: tuple[str, ...], summary: str) -> None:
    ended = mlops(*words)
    assert (ended.code, ended.err.splitlines()[0]) == (1, f"Error: {summary}")


def test_apply_exits_5_while_another_holds_the_lease(mlops: Shell, project: Path) -> None:
    with lease(Project.open(project).store, Holder.me("maria", "now", "mlops apply")):
        ended = mlops("apply", "--yes")
        assert ended.code == 5
        assert "maria" in ended.err
        assert mlops("unlock").code == 5
    assert mlops("unlock").out == "The lease of environment dev is free.\n"
    assert mlops("apply", "--yes").code == 0


def test_output_that_is_not_there_fails_its_resource_alone(mlops: Shell, project: Path) -> None:
    write_files(project, {"conf/value/two.yaml": "value: '${output:value.one.nothing}'\n"})
    ended = mlops("apply", "--yes")
    assert ended.code == 1
    assert "value.two" in ended.err
    assert "value.one" in mlops("status").out


def test_destroy_takes_everything_down(applied: Shell) -> None:
    assert applied("destroy", "--yes").code == 0
    assert json.loads(applied("status", "--json").out) == []


def test_protected_resource_is_not_destroyed(mlops: Shell, project: Path) -> None:
    write_files(project, {"conf/value/one.yaml": "value: 1\nprotect: true\n"})
    mlops("apply", "--yes")
    assert mlops("destroy", "--yes").code == 1
    assert "value.one" in mlops("status").out


def test_rollback_restores_and_says_what_to_write(applied: Shell, project: Path) -> None:
    assert applied("rollback", "value.one", "--yes").code == 1
    write_files(project, {"conf/value/one.yaml": "value: 2\n"})
    applied("apply", "--yes")
    ended = applied("rollback", "value.one", "--yes")
    assert ended.code == 0
    assert "conf/value/one.yaml  value: 1" in ended.out
    records = json.loads(applied("state", "pull").out)["records"]
    assert records["value.one"]["outputs"]["value"] == 1


def test_rollback_is_saved_for_review(applied: Shell) -> None:
    applied("apply", "--yes", "value.one.value=2")
    assert applied("rollback", "value.one").code == 1
    assert applied("rollback", "value.one", "value.one.value=2", "--out", "back.json").code == 0
    assert applied("apply", "back.json").code == 0
