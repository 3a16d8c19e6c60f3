"""The verbs that read: their arguments, their exit codes, and what they print."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from mlops.cli.main import cli, main
from mlops.context.status import OngoingRollout, Status
from mlops.errors import InvalidConfig
from tests.small_project import write_files
from tests.unit.cli.conftest import Shell


def test_validate_counts_what_is_declared(mlops: Shell, project: Path) -> None:
    assert mlops("validate").out == "Valid: 1 resources in environment dev.\n"
    write_files(project, {"conf/value/one.yaml": "nothing: 1\n"})
    assert mlops("validate").code == 3


def test_validate_notes_secrets_without_a_value(mlops: Shell, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(project, {"conf/value/one.yaml": "value: '${secret:KEY_OF_NOBODY}'\n"})
    shown = mlops("validate")
    assert shown.code == 0
    assert "Note: value.one (conf/value/one.yaml:1): `value` needs the secret KEY_OF_NOBODY." in shown.out
    monkeypatch.setenv("KEY_OF_NOBODY", "x")
    assert "Note" not in mlops("validate").out


def test_config_prints_each_value_with_its_place(mlops: Shell) -> None:
    assert mlops("config", "value.one").out.split() == ["value.one", "value:", "1", "conf/value/one.yaml:1"]
    assert mlops("config", "--no-origins", "value.one.value=2").out.split() == ["value.one", "value:", "2"]
    assert mlops("config", "value.on").code == 1


def test_status_lists_what_is_recorded(applied: Shell) -> None:
    assert "value.one" in applied("status").out
    (one,) = json.loads(applied("status", "--json").out)
    assert (one["address"], one["state"]) == ("value.one", "ok")


class Rollouts:
    """A project's endpoint at one look after the other; `pressed`: Ctrl-C comes in the pause after so many."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *looks: OngoingRollout | None, pressed: int = 99) -> None:
        self.looks, self.pressed, self.pauses = list(looks), pressed, 0
        monkeypatch.setattr("mlops.api.inspect._status_of", self._status)
        monkeypatch.setattr("mlops.cli.status.time.sleep", self._sleep)

    def _status(self, context: object, record: object) -> dict[str, Any]:
        return {
            "address": "value.one",
            **asdict(Status("v1  healthy", rollout=self.looks[self.pauses])),
            "attention": [],
        }

    def _sleep(self, seconds: float) -> None:
        self.pauses += 1
        if self.pauses == self.pressed:
            raise KeyboardInterrupt


QUARTER, HALF = OngoingRollout("v2 takes 25%"), OngoingRollout("v2 takes 50%")


def test_watched_status_prints_what_moves_and_ends_with_the_rollout(
    applied: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    Rollouts(monkeypatch, QUARTER, QUARTER, HALF, None)
    ended = applied("status", "--watch", "--every", "5s")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "value.one   v1  healthy", "  v2 takes 25%", "value.one   v2 takes 50%", "value.one   v1  healthy",
    ]  # fmt: skip


def test_watched_status_fails_where_a_version_was_found_bad(applied: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    Rollouts(monkeypatch, HALF, OngoingRollout("v2 was found bad", is_running=False))
    ended = applied("status", "--watch")
    assert (ended.code, ended.out.splitlines()[-1]) == (1, "  v2 was found bad")


def test_watched_status_is_a_line_of_json_whenever_it_changes(applied: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    Rollouts(monkeypatch, QUARTER, QUARTER, HALF, OngoingRollout("v2 was found bad", is_running=False))
    ended = applied("status", "--watch", "--json")
    said = [json.loads(line)[0]["rollout"] for line in ended.out.splitlines()]
    assert [one["text"] for one in said] == ["v2 takes 25%", "v2 takes 50%", "v2 was found bad"]
    assert (ended.code, said[-1]["is_running"]) == (1, False)


def test_watched_status_ends_at_ctrl_c(applied: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    Rollouts(monkeypatch, HALF, HALF, pressed=1)
    ended = applied("status", "--watch")
    assert (ended.code, ended.err) == (130, "")


def test_status_where_nothing_rolls_out_is_over_at_once(applied: Shell) -> None:
    assert applied("status", "--watch").out == applied("status").out
    assert "--every: `soon` is not a duration" in applied("status", "--watch", "--every", "soon").err


def test_show_prints_records_and_saved_plans(applied: Shell) -> None:
    assert "value.one" in applied("show").out
    applied("plan", "value.one.value=2", "--out", "plan.json")
    assert "value.one" in applied("show", "plan.json", "--format", "markdown").out
    assert applied("show", "value.two").code == 1


def test_why_names_the_line_and_the_apply(applied: Shell) -> None:
    reasons = json.loads(applied("why", "value.one", "--json").out)
    assert reasons["lines"] == [{"path": "value", "value": 1, "source": "conf/value/one.yaml:1"}]
    assert "conf/value/one.yaml:1" in applied("why", "value.one").out
    assert applied("why", "value.two").code == 1
    assert applied("why", "v9").code == 1


def test_why_uses_names_what_follows(applied: Shell, project: Path) -> None:
    write_files(project, {"conf/value/two.yaml": "value: '${output:value.one.value}'\n"})
    found = json.loads(applied("why", "value.one", "--uses", "--json").out)
    assert [(use["address"], use["output"]) for use in found["uses"]] == [("value.two", "value")]


def test_history_lists_applies_and_versions(applied: Shell) -> None:
    (apply,) = json.loads(applied("history", "--json").out)
    assert apply["outcome"] == "done"
    (version,) = json.loads(applied("history", "value.one", "--json").out)
    assert version["complete"] == "yes"
    assert applied("history", "value.two").code == 1


@pytest.mark.parametrize(
    ("words", "summary"),
    [
        (("invoke", "value.one"), "cannot be asked"),
        (("logs", "value.one"), "no logs"),
        (("ack", "value.one", "--reason", "known"), "nothing to acknowledge"),
        (("invoke", "value.two"), "no such resource"),
    ],
)
def test_resource_that_cannot_do_it_says_who_can(applied: Shell, words: tuple[str, ...], summary: str) -> None:
    ended = applied(*words)
    assert ended.code == 1
    assert ended.err.startswith(f"Error: {summary}")


def test_render_writes_params_and_checks_them(mlops: Shell, project: Path) -> None:
    assert mlops("render", "--check").code == 1
    assert mlops("render").code == 0
    assert json.loads((project / "params/index.json").read_text()) == {
        "dataset": [],
        "model": {},
        "prepare": {},
        "tune": {},
    }
    assert mlops("render", "--check").out == "params/ is up to date.\n"


def test_schema_is_printed_for_a_kind_or_written_for_editors(mlops: Shell, project: Path) -> None:
    assert "value" in json.loads(mlops("schema", "value").out)["properties"]
    assert mlops("schema", "valeu").code == 1
    assert mlops("schema", "--write").code == 0
    assert sorted(path.name for path in (project / "conf/schema").iterdir()) == ["project.json", "value.json"]


def test_reference_is_printed_or_written_for_people(mlops: Shell, project: Path) -> None:
    assert mlops("schema", "value", "--format", "markdown").out.startswith("<!-- Made by")
    assert "## Units" in mlops("schema", "--format", "markdown").out
    assert mlops("schema", "valeu", "--format", "markdown").code == 1
    assert mlops("schema", "--format", "markdown", "--write").code == 0
    assert (project / "docs/reference/value.md").is_file()


def test_import_writes_the_file_of_what_was_recorded_once(applied: Shell, project: Path) -> None:
    assert applied("import", "value.one").code == 1
    (project / "conf/value/one.yaml").unlink()
    assert applied("import", "value.one").code == 0
    assert "value: 1" in (project / "conf/value/one.yaml").read_text()
    assert "No changes" in applied("plan").out


def test_state_is_pulled_and_records_are_moved(applied: Shell, project: Path) -> None:
    state = json.loads(applied("state", "pull").out)
    assert (list(state["records"]), state["intents"]) == (["value.one"], [])
    assert applied("state", "mv", "value.one", "value.two", "--serial", "99").code == 4
    assert applied("state", "mv", "value.one", "stack.two").code == 1
    assert applied("state", "mv", "value.one", "value.two").code == 0
    assert list(json.loads(applied("state", "pull").out)["records"]) == ["value.two"]


def test_folder_without_a_project_exits_3(mlops: Shell, project: Path) -> None:
    (project / "empty").mkdir()
    ended = mlops("-C", str(project / "empty"), "plan")
    assert (ended.code, ended.err.splitlines()[0]) == (3, "Error: no project here")


def test_project_is_found_from_a_folder_inside_it(mlops: Shell, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "conf" / "value")
    assert mlops("validate").code == 0


@pytest.mark.parametrize("words", [("plam",), ("plan", "--nothing"), ("ack", "value.one")])
def test_words_that_are_no_command_exit_1_without_a_traceback(mlops: Shell, words: tuple[str, ...]) -> None:
    ended = mlops(*words)
    assert ended.code == 1
    assert "Traceback" not in ended.err


def test_debug_shows_the_traceback(mlops: Shell, project: Path) -> None:
    write_files(project, {"conf/value/one.yaml": "nothing: 1\n"})
    with pytest.raises(InvalidConfig):
        main(["--debug", "plan"])


@pytest.mark.parametrize("verb", sorted(cli.commands))
def test_every_verb_has_a_help_of_its_own(mlops: Shell, verb: str) -> None:
    ended = mlops(verb, "--help")
    assert ended.code == 0
    assert f"Usage: mlops {verb}" in ended.out
