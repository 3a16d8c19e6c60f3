"""What a training writes down on its way, and where it stays."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlops.tools.digest import Hashes
from mlops.workloads.data.prepare import prepare
from mlops.workloads.training.run_log import RunLog, folder_digest
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_model


@pytest.fixture
def trained(project: Path) -> Path:
    say_model(project, "m", task="binary", trainer={"max_epochs": 3, "batch_size": 64, "log_every_steps": 5})
    prepare("rows")
    train("m")
    return project


def test_run_is_kept_by_the_digest_of_what_it_made(trained: Path) -> None:
    digest = folder_digest(trained / "models/m/train")
    kept = trained / ".mlops/runs" / digest
    lines = [line.split(" ", 1)[1] for line in (kept / "training.log").read_text().splitlines()]
    steps = [line for line in lines if ", step " in line]
    assert steps[0].startswith("epoch 1 of 3, step 5 of 10, loss 0.")
    assert len(steps) == 6
    epochs = [line for line in lines if "val auc" in line]
    assert [line[:13] for line in epochs] == ["epoch 1 of 3,", "epoch 2 of 3,", "epoch 3 of 3,"]
    assert lines[-1].startswith("the weights of epoch")
    assert json.loads((kept / "timing.json").read_text())["seconds"] > 0
    assert Hashes(trained / "memory").tree(trained / "models/m/train") == f"{digest}.dir"


def test_run_is_read_by_dvclive_and_tensorboard(trained: Path) -> None:
    folder = trained / ".mlops/runs" / folder_digest(trained / "models/m/train")
    code = (
        "import json, sys\n"
        "from dvclive.utils import parse_metrics\n"
        "from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
        "class Live: plots_dir = sys.argv[1] + '/plots'; metrics_file = sys.argv[1] + '/metrics.json'\n"
        "plots, summary = parse_metrics(Live)\n"
        "names = sorted(str(path).split('plots/metrics/')[-1] for path in plots)\n"
        "rows = {str(path).split('plots/metrics/')[-1]: rows for path, rows in plots.items()}\n"
        "events = EventAccumulator(sys.argv[1]).Reload()\n"
        "print(json.dumps([names, len(rows['val/auc.tsv']), summary, events.Tags()['scalars'],\n"
        "                  [(e.step, e.value) for e in events.Scalars('val/auc')]]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    names, rows, summary, tags, events = json.loads(done.stdout.splitlines()[-1])
    assert names == ["train/loss.tsv", "val/auc.tsv", "val/loss.tsv"]
    assert rows == 3
    assert set(summary) == {"step", "train", "val"}
    assert sorted(tags) == ["step/loss", "train/loss", "val/auc", "val/loss"]
    history = json.loads((trained / "models/m/train/history.json").read_text())
    assert [value for _, value in events] == pytest.approx([row["val_auc"] for row in history])
    assert [step for step, _ in events] == [10, 20, 30]


def test_log_without_a_number_of_steps_speaks_every_few_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    log = RunLog()
    assert not log.is_due(1, None)
    log._spoken -= 6
    assert log.is_due(2, None)
    assert [step for step in range(1, 11) if log.is_due(step, 4)] == [4, 8]


def test_killed_run_keeps_its_lines_and_its_time(tmp_path: Path) -> None:
    first = RunLog.begin(tmp_path, "m")
    first._started -= 100
    first.write_epoch([{"epoch": 0, "val_loss": 1.0}], "epoch 1", 0.1)
    second = RunLog.begin(tmp_path, "m", goes_on=True)
    second.write_line("epoch 2")
    second._write_timing()
    folder = tmp_path / "live/m"
    lines = [line.split(" ", 1)[1] for line in (folder / "training.log").read_text().splitlines()]
    assert lines == ["epoch 1", "training goes on where it was killed", "epoch 2"]
    assert json.loads((folder / "timing.json").read_text())["seconds"] >= 100
    RunLog.begin(tmp_path, "m")
    assert not list(folder.iterdir())


def test_best_epochs_are_kept_for_people_and_no_more_than_asked_for(project: Path) -> None:
    trainer = {"max_epochs": 4, "batch_size": 64, "checkpoint": {"best": 2}, "early_stopping": None}
    say_model(project, "m", task="binary", trainer=trainer)
    prepare("rows")
    train("m")
    run = project / ".mlops/runs" / folder_digest(project / "models/m/train")
    history = json.loads((project / "models/m/train/history.json").read_text())
    best = sorted(range(4), key=lambda number: (-history[number]["val_auc"], history[number]["val_loss"]))[:2]
    assert {path.name for path in (run / "best").iterdir()} == {f"epoch-{number + 1}.safetensors" for number in best}
