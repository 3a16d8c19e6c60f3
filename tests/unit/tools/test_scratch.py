"""A folder that is lent comes back, even from the dead."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlops.tools.scratch import scratch


def test_scratch_folder_is_removed_and_those_of_dead_processes_too(tmp_path: Path) -> None:
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


def test_scratch_folders_are_given_to_many_at_once(tmp_path: Path) -> None:
    def borrow(number: int) -> str:
        with scratch(tmp_path / "lent") as folder:
            (folder / "file").write_text(str(number))
            return (folder / "file").read_text()

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(borrow, range(500))) == [str(number) for number in range(500)]
    assert not (tmp_path / "lent").exists()
