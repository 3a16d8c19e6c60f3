"""A search by `dvc repro` alone: in a second clone it gives the same values, and Ctrl-C keeps what was found. Costs 100 s alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import BIN, SMALL, Workplace, _git, make_project, write_rows

MODEL = """\
dataset: rows
task: binary
architecture: { name: boosted_trees, trees: 60 }
tune:
  trials: 12
  space:
    architecture.leaves: { log_int: [2, 64] }
    architecture.learning_rate: { log: [0.01, 0.5] }
"""
CHOSEN, LEDGER, LOCK = "models/late/tune/chosen.json", "tuning/model/late.json", "dvc.lock"


@pytest.fixture
def searching(tmp_path: Path) -> Workplace:
    """A project with a search that nobody has run."""
    files = {name: SMALL[name] for name in ("conf/project.yaml", "conf/env/dev.yaml", "conf/dataset/rows.yaml")}
    place = make_project(tmp_path / "project", {**files, "conf/model/late.yaml": MODEL}, commit=False)
    write_rows(place.root / "rows.csv")
    place.mlops("render")
    _git(place.root)
    return place


def read(place: Workplace, name: str) -> Any:
    return json.loads((place.root / name).read_text())


def trials_of(place: Workplace) -> list[dict[str, Any]]:
    return [{name: value for name, value in one.items() if name != "seconds"} for one in read(place, LEDGER)["trials"]]


def clone(place: Workplace, root: Path) -> Workplace:
    subprocess.run(["git", "clone", "-q", str(place.root), str(root)], check=True)
    return Workplace(root)


def test_second_clone_finds_the_same_values_by_dvc_repro_alone(searching: Workplace, tmp_path: Path) -> None:
    searching.run("dvc", "repro", "-q")
    _commit(searching)
    chosen = read(searching, CHOSEN)
    assert read(searching, LEDGER)["ended"] == "trials"

    with_ledger = clone(searching, tmp_path / "with_ledger")
    assert "taken from the ledger" in with_ledger.run("dvc", "repro").stdout
    assert read(with_ledger, CHOSEN) == chosen
    assert (with_ledger.root / LOCK).read_bytes() == (searching.root / LOCK).read_bytes()

    without = clone(searching, tmp_path / "without")
    (without.root / LEDGER).unlink()
    without.run("dvc", "repro", "-q")
    assert read(without, CHOSEN) == chosen
    assert trials_of(without) == trials_of(searching)
    export = "models/late/export/model.onnx"
    assert (without.root / export).read_bytes() == (searching.root / export).read_bytes()
    assert with_ledger.words() == {}
    page = with_ledger.run("dvc", "plots", "show", "-o", "plots_page").stdout
    assert "best_so_far.json" in (with_ledger.root / "plots_page/index.html").read_text(), page


def test_interrupted_search_keeps_what_was_found_and_the_plan_says_so(searching: Workplace) -> None:
    searching.edit("conf/model/late.yaml", "trials: 12", "trials: 60")
    searching.mlops("render")
    searching.run("dvc", "repro", "-q", "prepare@rows")
    log = searching.root / ".mlops/tuning/late/tuning.log"
    command = [str(BIN / "dvc"), "repro", "tune@late"]
    search = subprocess.Popen(command, cwd=searching.root, env=searching.env, start_new_session=True)
    deadline = time.monotonic() + 300
    while not log.exists() or log.read_text().count("\n") < 2:
        assert search.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(search.pid, signal.SIGINT)
    assert search.wait(timeout=300) != 0
    count = len(read(searching, LEDGER)["trials"])
    assert 2 <= count < 60
    assert read(searching, LEDGER)["ended"] == "interrupted"
    assert f"interrupted after {count} of 60 trials, best so far " in searching.mlops("plan").stdout
    assert f"trial {count} of 60, best val_auc" in searching.mlops("logs", "model.late").stdout
    begun = read(searching, LEDGER)["trials"]
    searching.run("dvc", "repro", "-q", "tune@late")
    assert read(searching, LEDGER)["trials"][:count] == begun
    assert len(read(searching, LEDGER)["trials"]) == 60


def _commit(place: Workplace) -> None:
    subprocess.run(["git", "add", "-A"], cwd=place.root, check=True, capture_output=True)
    words = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "searched"]
    subprocess.run(words, cwd=place.root, check=True, capture_output=True)
