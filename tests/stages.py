"""Small DVC projects, whose stages copy files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.e2e.conftest import BIN

DVC = str(BIN / "dvc")
WIDE = """\
vars:
  - params/index.json
stages:
  copy:
    foreach: ${names}
    do:
      cmd: cp in/${item}.txt out/${item}.txt
      deps:
        - in/${item}.txt
      params:
        - params/${item}.json:
            - words
      outs:
        - out/${item}.txt
"""


def repository(root: Path) -> Path:
    """A folder that git and DVC take for theirs."""
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n    autostage = false\n")
    (root / ".dvc" / ".gitignore").write_text("/config.local\n/tmp\n/cache\n")
    (root / ".gitignore").write_text("/.mlops/\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def wide(root: Path, count: int) -> list[str]:
    """`count` stages that depend on nothing of each other; their names."""
    repository(root)
    names = [f"s{number:03d}" for number in range(count)]
    for folder in ("in", "params"):
        (root / folder).mkdir()
    for name in names:
        (root / "in" / f"{name}.txt").write_text(f"{name}\n")
        (root / "params" / f"{name}.json").write_text(json.dumps({"words": {"size": 1}}))
    (root / "params" / "index.json").write_text(json.dumps({"names": names}))
    (root / "dvc.yaml").write_text(WIDE)
    return [f"copy@{name}" for name in names]
