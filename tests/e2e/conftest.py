"""Real projects in folders of their own: the reference project as it stands, and a small one that applies in seconds."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops.scaffold.stage_files import write_stage_files

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
KEY = "a-key-of-the-tests"


@dataclass
class Workplace:
    """A project in a folder, and the commands a user would type there."""

    root: Path

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "DELAY_API_KEY": KEY, "NO_COLOR": "1"}

    def run(self, *words: str, code: int | None = 0, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words, cwd=self.root, env=self.env, capture_output=True, text=True, timeout=timeout, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert code is None or done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def mlops(self, *words: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.run(str(BIN / "mlops"), *words, code=code)

    def plan(self, *overrides: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.mlops("plan", "--format", "json", *overrides).stdout)
        return document

    def words(self, *overrides: str) -> dict[str, tuple[str, str]]:
        """Address -> (action, category) of every pending change."""
        return {c["address"]: (c["action"], c["category"]) for c in self.plan(*overrides)["changes"]}

    def status(self) -> dict[str, dict[str, Any]]:
        return {item["address"]: item for item in json.loads(self.mlops("status", "--json").stdout)}

    def edit(self, file: str, before: str, after: str) -> None:
        path = self.root / file
        text = path.read_text()
        assert before in text, f"{file} does not say {before!r}"
        path.write_text(text.replace(before, after, 1))


def _git(root: Path) -> None:
    for words in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "start"],
    ):
        subprocess.run(["git", *words], cwd=root, check=True, capture_output=True)


def copy_reference(root: Path) -> Workplace:
    """The reference project, as the checkout has it."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True,
        check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.startswith(("tests/", "bench/", "docs/decisions")):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    _git(root)
    return Workplace(root)


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """The reference project, applied."""
    place = copy_reference(tmp_path_factory.mktemp("flights") / "project")
    try:
        place.mlops("apply", "--yes")
        yield place
    finally:
        place.mlops("destroy", "--yes", code=None)


SMALL = {
    "conf/project.yaml": "name: small\nenvironment: dev\nallow_targets: [mlops.workloads.training]\n",
    "conf/env/dev.yaml": "# nothing differs\n{}\n",
    "conf/dataset/rows.yaml": """\
sources:
  rows: { uri: rows.csv }
sql: |
  SELECT number, color, late FROM rows
label: late
features:
  numeric: [number]
  categorical: [color]
split: { by: random, val: 10%, test: 20% }
""",
    "conf/model/late.yaml": """\
dataset: rows
task: binary
architecture: { name: linear }
trainer: { max_epochs: 2, batch_size: 64 }
gates:
  - test_auc >= 0.6
""",
    "conf/package/late.yaml": "model: late\n",
    "conf/stack/local.yaml": "target: local\n",
    "conf/endpoint/late.yaml": """\
package: late
stack: local
replicas: 2
rate_limit: 5000/s
rollout: { steps: [50%, 100%], pause: 500ms, drain: 500ms }
""",
    "conf/monitor/late.yaml": "endpoint: late\nwindow: 1h\n",
}


def write_rows(path: Path, count: int = 2000, seed: int = 7) -> None:
    """Late where `number` is high or `color` is red, with some noise; a few cells are missing."""
    chance = random.Random(seed)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "color", "late"])
        for _ in range(count):
            number, color = chance.gauss(0, 1), chance.choice(["red", "green", "blue"])
            late = number + (1.0 if color == "red" else 0.0) + chance.gauss(0, 0.5) > 0.5
            told = "" if chance.random() < 0.02 else f"{number:.4f}"
            writer.writerow([told, "" if chance.random() < 0.02 else color, str(late).lower()])


def make_small(root: Path) -> Workplace:
    write_rows(make_project(root, SMALL, commit=False).root / "rows.csv")
    _git(root)
    return Workplace(root)


def make_project(root: Path, files: Mapping[str, str], *, commit: bool = True) -> Workplace:
    """A project of these files, with the stages of the reference project."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    write_stage_files(root)
    if commit:
        _git(root)
    return Workplace(root)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A small project, applied. A test that changes it puts it back."""
    place = make_small(tmp_path_factory.mktemp("small") / "project")
    try:
        place.mlops("apply", "--yes")
        yield place
    finally:
        place.mlops("destroy", "--yes", code=None)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Workplace]:
    """A small project that nobody has applied."""
    place = make_small(tmp_path / "project")
    try:
        yield place
    finally:
        place.mlops("destroy", "--yes", code=None)
