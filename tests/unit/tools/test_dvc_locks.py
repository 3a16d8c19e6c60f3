"""A killed DVC leaves its book of locks behind; the living keep theirs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from mlops.tools.dvc.run import free_dead_locks


def test_locks_of_the_dead_are_freed_and_those_of_the_living_kept(tmp_path: Path) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    path = tmp_path / ".dvc/tmp/rwlock"
    path.parent.mkdir(parents=True)
    gone, here = ({"pid": pid, "cmd": "dvc repro"} for pid in (dead.pid, os.getpid()))
    path.write_text(json.dumps({"a": {"write": gone}, "b": {"read": [gone, here]}, "c": {"write": here}}))
    free_dead_locks(tmp_path)
    assert json.loads(path.read_text()) == {"b": {"read": [here]}, "c": {"write": here}}
    path.write_text("damaged")
    free_dead_locks(tmp_path)
    assert path.read_text() == "damaged"
