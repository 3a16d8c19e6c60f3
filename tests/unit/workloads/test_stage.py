"""What every stage stands on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """\
import importlib
from mlops.workloads.stage import run_stage, say

def work(name):
    say(importlib.import_module(name).WORDS)

if __name__ == "__main__":
    run_stage(work)
"""


def stage(root: Path, **env: str) -> str:
    (root / "pipelines").mkdir(exist_ok=True)
    (root / "pipelines/work.py").write_text(SCRIPT)
    (root / "nets.py").write_text("WORDS = 'found'\n")
    done = subprocess.run(
        [sys.executable, "pipelines/work.py", "nets"], cwd=root, env={**os.environ, **env}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout


def test_stage_finds_the_modules_of_its_project(tmp_path: Path) -> None:
    assert stage(tmp_path) == "found\n"


def test_progress_goes_to_the_file_that_the_environment_names(tmp_path: Path) -> None:
    assert stage(tmp_path, MLOPS_STAGE_PROGRESS=str(tmp_path / "progress")) == ""
    assert json.loads((tmp_path / "progress").read_text())["line"] == "found"


def test_say_is_silent_in_all_processes_but_the_first(tmp_path: Path) -> None:
    assert stage(tmp_path, RANK="1") == ""
    assert stage(tmp_path, RANK="0") == "found\n"
