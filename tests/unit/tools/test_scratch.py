"""A folder that is lent comes back, even from the dead."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from mlops.tools.scratch import FOLDER, scratch


def test_a_scratch_folder_is_gone_afterwards_and_those_of_the_dead_too(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / FOLDER / f"{dead.pid}-left").mkdir(parents=True)
    living = tmp_path / FOLDER / f"{os.getpid()}-other"
    living.mkdir()
    with scratch(tmp_path) as folder:
        assert folder.is_dir()
        assert sorted(path.name for path in (tmp_path / FOLDER).iterdir()) == sorted([folder.name, living.name])
    assert list((tmp_path / FOLDER).iterdir()) == [living]
