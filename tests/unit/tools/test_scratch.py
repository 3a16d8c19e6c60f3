"""A folder that is lent comes back, even from the dead."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from mlops.tools.scratch import scratch


def test_a_scratch_folder_is_gone_afterwards_and_those_of_the_dead_too(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    place = tmp_path / "lent"
    (place / f"{dead.pid}-left").mkdir(parents=True)
    living = place / f"{os.getpid()}-other"
    living.mkdir()
    with scratch(place) as folder:
        assert folder.is_dir()
        assert sorted(path.name for path in place.iterdir()) == sorted([folder.name, living.name])
    assert list(place.iterdir()) == [living]
    living.rmdir()
    with scratch(place):
        pass
    assert not place.exists()
