"""Trials of one search in two pods, both of which are ended in its middle: none is lost, none is run twice. Costs 60 s alone."""

from __future__ import annotations

import json
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlops.tools.dvc.remote import locked_outs
from tests.e2e.conftest import SMALL, Workplace, _git, make_project, write_rows
from tests.e2e.test_pod import end, remote_at, start, take
from tests.ports import any_port

MODEL = """\
dataset: rows
task: binary
architecture: { name: boosted_trees, trees: 60 }
tune:
  trials: 500
  parallel: 2
  search: random
  space: { architecture.leaves: { log_int: [2, 64] }, architecture.learning_rate: { log: [0.01, 0.5] } }
"""
LEDGER = "tuning/model/late.json"


def until(found: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 300
    while not found():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def trials_in(folder: Path) -> dict[int, Any]:
    path = folder / LEDGER
    return {one["number"]: one for one in json.loads(path.read_text())["trials"]} if path.exists() else {}


def test_pods_of_a_search_may_end_at_any_moment(tmp_path: Path) -> None:
    files = {name: SMALL[name] for name in ("conf/project.yaml", "conf/env/dev.yaml", "conf/dataset/rows.yaml")}
    place = make_project(tmp_path / "project", {**files, "conf/model/late.yaml": MODEL}, commit=False)
    write_rows(place.root / "rows.csv")
    place.mlops("render")
    _git(place.root)
    place.run("dvc", "repro", "-q", "prepare@rows")
    place.run("dvc", "remote", "add", "-d", "store", "../store")
    remote_at(place).push(locked_outs(place.root, ["prepare@rows"]))
    port = any_port()

    first, second = pod(place, "one", 0, port), pod(place, "two", 1, port)
    until(lambda: len(trials_in(tmp_path / "one")) > 5, "trials of the first pod")
    first.send_signal(signal.SIGTERM)  # its node is taken away
    end(first, code=143)
    known = trials_in(tmp_path / "one")
    assert known
    shutil.rmtree(tmp_path / "one")

    first = pod(place, "one", 0, port)
    until(lambda: len(trials_in(tmp_path / "one")) > len(known), "more trials")
    second.kill()
    second.communicate()
    shutil.rmtree(tmp_path / "two")
    second = pod(place, "two", 1, port)
    assert "an earlier pod left a ledger" in end(first)
    end(second)

    take(place, "one")
    ledger = json.loads((place.root / LEDGER).read_text())
    found = {one["number"]: one for one in ledger["trials"]}
    assert (list(found), ledger["ended"]) == (list(range(500)), "trials")
    assert {number: found[number] for number in known} == known  # their seconds too
    assert json.loads((place.root / "models/late/tune/chosen.json").read_text()) == ledger["chosen"]
    assert not list((tmp_path / "store").glob("ledgers/*"))
    assert "tune@late" not in json.loads(place.run("dvc", "status", "--json").stdout)


def pod(place: Workplace, name: str, index: int, port: int) -> Any:
    told = {"JOB_COMPLETION_INDEX": str(index), "MLOPS_PODS": "2", "MLOPS_COORDINATOR": "127.0.0.1"}
    return start(place, name, "tune@late", **told, MLOPS_COORDINATOR_PORT=str(port))
