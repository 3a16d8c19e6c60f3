"""The verb `watch` in a project of one value: what it needs, a schedule's moments, and that one process watches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlops.api import ProjectWatch
from tests.small_project import VALUES, problems_of, write_files
from tests.unit.cli.conftest import Shell

COMMAND = "watch: { hand_to: { command: 'cat >> got; echo >> got' }, schedule: '0 6 * * *' }\n"
SIX = datetime(2026, 1, 5, 6, tzinfo=UTC).timestamp()


def declare(project: Path, watch: str = COMMAND) -> None:
    write_files(project, {"conf/project.yaml": f"{VALUES['conf/project.yaml']}{watch}"})


def got(project: Path) -> list[dict[str, object]]:
    path = project / "got"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_project_without_anybody_to_hand_to_says_what_to_write(mlops: Shell) -> None:
    ended = mlops("watch", "--once")
    assert ended.code == 1
    assert "watch: {every: 15m, hand_to: {webhook:" in ended.err


def test_moment_of_the_schedule_hands_over_what_is_pending_once(applied: Shell, project: Path) -> None:
    declare(project)
    watch = ProjectWatch(project)
    assert watch.look(SIX - 100) == []
    assert watch.look(SIX + 10) == []
    assert got(project) == []
    (project / "conf/value/two.yaml").write_text("value: 2\n")
    assert watch.look(SIX + 86400 - 10) == []
    (line,) = watch.look(SIX + 86400 + 10)
    assert line == "Changes are pending at 2026-01-06T06:00 UTC. Handed over."
    assert watch.look(SIX + 86400 + 20) == []
    # Days in which nobody watched are one occasion, and another process knows what was handed over.
    (line,) = ProjectWatch(project).look(SIX + 4 * 86400 + 10)
    assert "2026-01-09T06:00" in line
    first, second = got(project)
    assert first["occasion"] == "schedule"
    assert [change["address"] for change in first["plan"]["changes"]] == ["value.two"]  # type: ignore[index]
    assert second["key"] == "schedule/dev/2026-01-09T06:00"
    assert applied("plan", "--detailed-exitcode").code == 2


def test_watching_is_no_change_of_the_project(applied: Shell, project: Path) -> None:
    declare(project)
    assert applied("plan", "--detailed-exitcode").code == 0


def test_second_process_is_refused(mlops: Shell, project: Path) -> None:
    declare(project)
    with ProjectWatch(project).alone() as is_free:
        assert is_free
        ended = mlops("watch", "--once")
    assert ended.code == 5
    assert "is watched already" in ended.err
    assert mlops("watch", "--once").code == 0


def test_look_at_a_project_that_is_wrong_is_an_error_and_the_next_one_goes_on(applied: Shell, project: Path) -> None:
    declare(project)
    assert applied("watch", "--once").code == 0
    (project / "conf/value/two.yaml").write_text("valu: 2\n")
    assert applied("watch", "--once").code == 3
    (project / "conf/value/two.yaml").write_text("value: 2\n")
    assert applied("watch", "--once").code == 0


@pytest.mark.parametrize(
    ("watch", "words"),
    [
        ("watch: {}\n", "hand_to"),
        ("watch: { hand_to: {} }\n", "either `webhook` or `command`"),
        ("watch: { hand_to: { webhook: 'https://h/x', command: c } }\n", "either `webhook` or `command`"),
        ("watch: { hand_to: { webhook: 'review' } }\n", "it is no address"),
        ("watch: { hand_to: { webhook: 'https://ann:pw@h/x' } }\n", "in the clear"),
        ("watch: { every: 10ms, hand_to: { command: c } }\n", "1s"),
        ("watch: { schedule: never, hand_to: { command: c } }\n", "never"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_with_their_line(tmp_path: Path, watch: str, words: str) -> None:
    (problem,) = problems_of(tmp_path, {**VALUES, "conf/project.yaml": f"{VALUES['conf/project.yaml']}{watch}"})
    assert words in f"{problem.summary} {problem.detail}"
    assert str(problem.source).startswith("conf/project.yaml:2")
