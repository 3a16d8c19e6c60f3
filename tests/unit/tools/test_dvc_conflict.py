"""A dvc.lock that two branches changed: the commands that the error advises are run."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from mlops.errors import InvalidConfig
from mlops.tools.dvc.lockfile import LockFile
from mlops.tools.dvc.reader import read_lock

LOCK = "schema: '2.0'\nstages:\n  prepare@a:\n    cmd: {}\n"


def git(root: Path, *words: str, code: int = 0) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@t")
    done = subprocess.run(["git", *identity, *words], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture
def conflict(tmp_path: Path) -> Path:
    """A repository in the middle of a merge."""
    git(tmp_path, "init", "-q", "-b", "main")
    for branch, command in (("main", "first"), ("other", "theirs"), ("main", "ours")):
        if command == "theirs":
            git(tmp_path, "checkout", "-q", "-b", "other")
        elif command == "ours":
            git(tmp_path, "checkout", "-q", branch)
        (tmp_path / "dvc.lock").write_text(LOCK.format(command))
        git(tmp_path, "add", "-A")
        git(tmp_path, "commit", "-qm", command)
    git(tmp_path, "merge", "-q", "other", code=1)
    return tmp_path


def advised(root: Path) -> list[str]:
    with pytest.raises(InvalidConfig, match="conflict markers of a merge") as caught:
        read_lock(root)
    (problem,) = caught.value.problems
    assert problem.source is not None
    assert (root / "dvc.lock").read_text().splitlines()[(problem.source.line or 0) - 1].startswith("<<<<<<<")
    return re.findall(r"`git ([^`]+)`", problem.detail)


@pytest.mark.parametrize(("index", "command"), [(0, "ours"), (1, "theirs")])
def test_one_side_of_a_conflict_is_taken_by_the_advised_commands(conflict: Path, index: int, command: str) -> None:
    words = advised(conflict)
    git(conflict, *words[index].split())
    assert read_lock(conflict)["prepare@a"].cmd == command
    git(conflict, *words[2].split())
    git(conflict, "commit", "-qm", "merged")


def test_committed_markers_are_taken_out_by_the_advised_commands(conflict: Path) -> None:
    git(conflict, "add", "-A")
    git(conflict, "commit", "-qm", "markers and all")
    words = advised(conflict)
    commits = [line.split()[0] for line in git(conflict, *words[3].split()).splitlines()]
    assert len(commits) >= 3
    git(conflict, *words[4].replace("COMMIT", commits[-1]).split())
    assert read_lock(conflict)["prepare@a"].cmd == "first"


def test_writing_the_lock_refuses_a_conflict_as_reading_does(conflict: Path) -> None:
    with pytest.raises(InvalidConfig, match="conflict markers of a merge"):
        LockFile(conflict).entries()
