"""A small prepared project in a folder, for tests that call the stages in this process."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import random
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

from mlops.workloads.data.prepare import prepare
from mlops.workloads.training.export import export
from mlops.workloads.training.train import train

PREPARE: dict[str, Any] = {
    "sources": {"rows": {"uri": "rows.csv"}},
    "label": "late",
    "features": {
        "numeric": ["number"],
        "categorical": ["color", "size"],
        "cyclic": {"hour": 24},
        "passthrough": ["flag"],
    },
    "clean": {"number": {"clip": [-2, 2]}, "color": {"map": {"crimson": "red"}}},
    "split": {"by": "random", "val": "10%", "test": "20%"},
}


def write_rows(path: Path, count: int = 900) -> None:
    chance = random.Random(5)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "color", "size", "hour", "flag", "late", "grade", "delay"])
        for _ in range(count):
            number, color = chance.gauss(0, 1.5), chance.choice(["red", "green", "blue", "crimson"])
            score = number + (color in ("red", "crimson")) + chance.gauss(0, 0.3)
            cells = [
                "" if chance.random() < 0.1 else f"{number:.4f}", "" if chance.random() < 0.1 else color,
                chance.choice([1, 2, 3, ""]), chance.choice([*range(24), ""]), str(chance.random() < 0.5).lower(),
                str(score > 0.5).lower(), "abc"[min(2, max(0, int(score + 1)))], f"{score:.3f}",
            ]  # fmt: skip
            writer.writerow(cells)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder; `say_dataset` and `say_model` write what the stages read."""
    monkeypatch.chdir(tmp_path)
    write_rows(tmp_path / "rows.csv")
    say_dataset(tmp_path)
    return tmp_path


def say_dataset(root: Path, *, pinned: str | None = None, **changes: Any) -> None:
    """Write the parameters of `prepare`. `pinned`: the fingerprint of the source where it is not rows.csv."""
    source = pinned or hashlib.md5((root / "rows.csv").read_bytes(), usedforsecurity=False).hexdigest()
    section = {**PREPARE, **changes, "fingerprint": {"rows": source}, "code": "x"}
    path = root / "params/dataset/rows.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"prepare": section}))


def say_model(root: Path, name: str, **train: Any) -> None:
    """Write the parameters of a model; a field that is None is left out."""
    fields = {
        "dataset": "rows",
        "architecture": {"name": "mlp", "hidden": [16], "dropout": 0.0},
        "trainer": {"max_epochs": 8, "batch_size": 32},
    }
    path = root / f"params/model/{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    sections = {
        "train": {**{key: value for key, value in {**fields, **train}.items() if value is not None}, "code": "x"},
        "evaluate": {"slices": ["color"], "code": "x"},
        "export": {"code": "x"},
    }
    path.write_text(json.dumps(sections))


_trained: list[Path] = []
"""The folder of the linear model that was trained in this process, since training it again would take as long."""


def export_linear_model(root: Path, api: dict[str, Any]) -> Path:
    """Return the folder of a trained binary model named `m`, as a server reads it. `api`: the content of api.json."""
    if not _trained:
        _trained.append(_train_linear_model(Path(tempfile.mkdtemp(dir=root))))
    folder = root / "models/m/export"
    shutil.copytree(_trained[0], folder)
    (folder / "api.json").write_text(json.dumps(api))
    return folder


def _train_linear_model(root: Path) -> Path:
    before = Path.cwd()
    os.chdir(root)
    try:
        write_rows(root / "rows.csv")
        say_dataset(root)
        say_model(root, "m", task="binary", architecture={"name": "linear"})
        prepare("rows")
        train("m")
        export("m")
    finally:
        os.chdir(before)
    return root / "models/m/export"


@pytest.fixture
def tuned(project: Path) -> Path:
    """The working folder with prepared rows; `say_search` writes what the search reads."""
    prepare("rows")
    return project
