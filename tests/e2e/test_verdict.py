"""What must run, as our light reader says it, against what `dvc status` says of the same project."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from mlops.tools.digest import Hashes
from mlops.tools.dvc.reader import read_lock, read_stages
from mlops.tools.dvc.verdict import verdict
from tests.e2e.conftest import Workplace


def ours(root: Path) -> set[str]:
    lock = read_lock(root)
    hashes = Hashes(root / ".mlops/cache/hashes-of-a-test.json")
    told = set()
    for name, stage in read_stages(root).items():
        params = {file: json.loads((root / file).read_text()) for file in stage.params}
        if verdict(root, stage, lock.get(name), params, hashes):
            told.add(name)
    return told


def theirs(place: Workplace) -> set[str]:
    return set(json.loads(place.run("dvc", "status", "--json").stdout))


def edit_params(root: Path, section: str) -> None:
    path = root / "params/model/late.json"
    told = json.loads(path.read_text())
    told[section]["code"] = "another"
    path.write_text(json.dumps(told))


EDITS: dict[str, tuple[Callable[[Path], object], set[str]]] = {
    "nothing": (lambda root: None, set()),
    "a parameter of training": (lambda root: edit_params(root, "train"), {"train@late"}),
    "a parameter of the evaluation": (lambda root: edit_params(root, "evaluate"), {"evaluate@late"}),
    "a stage's file": (lambda root: (root / "pipelines/export.py").write_text("# other\n"), {"export@late"}),
    "a changed metric": (lambda root: (root / "metrics/model/late.json").write_text("{}"), {"evaluate@late"}),
    "a lost metric": (lambda root: (root / "metrics/model/late.json").unlink(), {"evaluate@late"}),
    "a changed data set": (
        lambda root: (root / "data/rows/profile.json").write_text("{}"),
        {"prepare@rows", "train@late", "evaluate@late", "export@late"},
    ),
    "a command": (
        lambda root: (root / "dvc.yaml").write_text((root / "dvc.yaml").read_text().replace("train.py ", "train.py  ")),
        {"train@late"},
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_light_reader_agrees_with_dvc_status(small: Workplace, what: str) -> None:
    edit, expected = EDITS[what]
    files = [
        "dvc.yaml",
        "pipelines/export.py",
        "params/model/late.json",
        "metrics/model/late.json",
        "data/rows/profile.json",
    ]
    before = {name: (small.root / name).read_bytes() for name in files}
    edit(small.root)
    try:
        assert ours(small.root) == theirs(small) == expected
    finally:
        for name, content in before.items():
            if not (small.root / name).exists() or (small.root / name).read_bytes() != content:
                (small.root / name).unlink(missing_ok=True)
                (small.root / name).write_bytes(content)
