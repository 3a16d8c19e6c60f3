"""The folder .mlops/ and what DVC keeps, as git sees them."""

from __future__ import annotations

import subprocess
from pathlib import Path

from mlops.contracts.home import keep_out_of_git, make_home


def added(root: Path) -> list[str]:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    listed = subprocess.run(["git", "ls-files"], cwd=root, check=True, capture_output=True, text=True)
    return listed.stdout.splitlines()


def test_git_adds_nothing_below_the_home_and_nothing_that_dvc_keeps(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    for name in ("secrets/KEY", "run/dev/local/endpoints/delay/route.json", "state.db"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("a value")
    for name in ("config", "config.local", "cache/files/md5/ab/cd", "tmp/lock"):
        (tmp_path / ".dvc" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / ".dvc" / name).write_text("x")
    keep_out_of_git(tmp_path)
    assert added(tmp_path) == [".dvc/.gitignore", ".dvc/config"]


def test_ignore_file_of_the_user_is_left_as_it_is(tmp_path: Path) -> None:
    make_home(tmp_path).joinpath(".gitignore").write_text("mine")
    make_home(tmp_path)
    assert (tmp_path / ".mlops" / ".gitignore").read_text() == "mine"


def test_project_without_dvc_gets_no_folder_of_it(tmp_path: Path) -> None:
    keep_out_of_git(tmp_path)
    assert not (tmp_path / ".dvc").exists()
