"""Two results of one training: one version, or two."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from mlops.context.context import Context
from mlops.kinds.staged.same_version import Committed, keep_committed
from mlops.metrics.task import Task
from mlops.tools.dvc.lockfile import LockFile
from mlops.tools.dvc.reader import Out, Stage, read_lock

STAGES = ("train@late", "evaluate@late")
OUTS = {"train@late": "models/late/train", "evaluate@late": "metrics/model/late.json"}
COMMITTED = {"test_auc": 0.688, "intervals": {"test_auc": [0.681, 0.694]}}


@dataclass
class Repository:
    """A repository with two stages; the second measures what the first makes."""

    root: Path
    remote: object | None = None
    stages: dict[str, Stage] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, out in OUTS.items():
            self.stages[name] = Stage(name, f"run {name}", (), {}, (Out(out, cache=name.startswith("train")),))
        self.write("pinned", COMMITTED)

    def write(self, bits: str, metrics: dict[str, Any], **train: Any) -> None:
        """Write what a run of the stages leaves: metrics and dvc.lock."""
        (self.root / "metrics/model").mkdir(parents=True, exist_ok=True)
        (self.root / OUTS["evaluate@late"]).write_text(json.dumps(metrics))
        entries = {
            "train@late": {"cmd": "run", "deps": [{"path": "data", "md5": "a"}], **train},
            "evaluate@late": {"cmd": "run", "deps": [{"path": OUTS["train@late"], "md5": bits}]},
        }
        for name, entry in entries.items():
            entry["outs"] = [{"path": OUTS[name], "md5": f"{bits}" if name.startswith("train") else f"{bits}.json"}]
        (self.root / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": entries}, sort_keys=False))

    def remake(self, metrics: dict[str, Any], **train: Any) -> list[str]:
        context = cast("Context", self)
        committed = Committed.of(context, "late", STAGES)
        self.write("remade", metrics, **train)
        return keep_committed(context, committed, Task.BINARY, metrics)

    def pinned(self) -> str:
        return str(LockFile(self.root).pinned()["train@late"]["outs"][0]["md5"])

    def standing(self) -> str:
        return read_lock(self.root)["train@late"].outs[OUTS["train@late"]]


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_headline_inside_the_committed_interval_is_the_same_version(repository: Repository) -> None:
    (line,) = repository.remake({"test_auc": 0.6875})
    assert line.startswith("the version that dvc.lock pins, with other bits (test_auc 0.6880 → 0.6875)")
    assert (repository.pinned(), repository.standing()) == ("pinned", "remade")
    assert json.loads((repository.root / OUTS["evaluate@late"]).read_text()) == COMMITTED
    locked = read_lock(repository.root)["evaluate@late"]
    assert (locked.deps, locked.outs) == ({OUTS["train@late"]: "remade"}, {OUTS["evaluate@late"]: "pinned.json"})


@pytest.mark.parametrize(
    ("metrics", "remote"),
    [({"test_auc": 0.67}, None), ({"test_auc": 0.6875}, "a remote"), ({"test_accuracy": 0.7}, None)],
)
def test_other_bits_that_are_another_version_are_pinned(
    repository: Repository, metrics: dict[str, Any], remote: object | None
) -> None:
    repository.remote = remote
    (line,) = repository.remake(metrics)
    assert line.startswith("made from what dvc.lock pins, with other bits")
    assert (repository.pinned(), repository.standing()) == ("remade", "remade")


def test_headline_without_interval_may_differ_by_a_hundredth_of_it(repository: Repository) -> None:
    repository.write("pinned", {"test_auc": 0.688})
    (line,) = repository.remake({"test_auc": 0.6815})
    assert line.startswith("the version")
    (line,) = repository.remake({"test_auc": 0.680})
    assert line.startswith("made from")


def test_changed_inputs_make_another_version_without_a_word(repository: Repository) -> None:
    assert repository.remake({"test_auc": 0.688}, params={"params/model/late.json": {"train": {"seed": 2}}}) == []
    assert repository.standing() == "remade"


def test_new_pin_ends_what_stood_for_the_old_one(repository: Repository) -> None:
    repository.remake({"test_auc": 0.6875})
    repository.write("pulled", COMMITTED)
    assert repository.standing() == "pulled"
    (repository.root / ".mlops/remade.json").write_text("{")
    assert repository.standing() == "pulled"
