"""How long many trivial stages take.

Lives here: the rows of 50 and 400 stages, and of finding out what must run.
Not here: real stages (training).
Law: DVC finds everything up to date afterwards; its own 400 stages take eleven minutes, so they run on request:
BENCH_DVC_400=1.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.command import BIN, Peer, costs_of, environment, row

BUDGET_400 = 5.0
BUDGET_VERDICT = 0.3
_DVC = str(BIN / "dvc")
_RUN = """
import sys
from pathlib import Path
from mlops.tools.digest import Hashes
from mlops.tools.dvc.reader import read_stages
from mlops.tools.dvc.run import run_stages
root = Path(sys.argv[1])
run_stages(root, list(read_stages(root)), Hashes(root / ".mlops" / "hashes.json"), lambda line, part: None, parallel=2)
"""
_VERDICT = """
import json, sys, time
from pathlib import Path
from mlops.tools.digest import Hashes
from mlops.tools.dvc.reader import read_lock, read_stages
from mlops.tools.dvc.verdict import verdict
root = Path(sys.argv[1])
hashes, lock = Hashes(root / ".mlops" / "hashes.json"), read_lock(root)
for name, stage in read_stages(root).items():
    params = {file: json.loads((root / file).read_text()) for file in stage.params}
    assert not verdict(root, stage, lock.get(name), params, hashes)
hashes.keep()
"""
_YAML = """\
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
            - told
      outs:
        - out/${item}.txt
"""


def rows(repeat: int) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="mlops-bench-") as name:
        for count, budget in ((50, None), (400, BUDGET_400)):
            ours, theirs = _project(Path(name) / f"ours-{count}", count), _project(Path(name) / f"dvc-{count}", count)
            peers = [Peer([sys.executable, "-c", _RUN, str(ours)], before=lambda at=ours: _undone(at))]  # type: ignore[misc]
            is_asked = count == 50 or bool(os.environ.get("BENCH_DVC_400"))
            if is_asked:
                peers.append(Peer([_DVC, "repro"], theirs, lambda at=theirs: _undone(at)))  # type: ignore[misc]
            else:
                print("  DVC's 400 stages take eleven minutes; run them with BENCH_DVC_400=1", file=sys.stderr)
            costs = costs_of(peers, repeat)
            peer = costs[1] if is_asked else None
            _check(ours)
            words = f"run {count} trivial stages"
            told.append(row(f"{words}, s (peer: dvc repro)", costs[0].seconds, peer and peer.seconds, budget))
            told.append(row(f"{words}, peak MB (peer: dvc repro)", costs[0].megabytes, peer and peer.megabytes))
        both = [Peer([sys.executable, "-c", _VERDICT, str(ours)]), Peer([_DVC, "status"], ours)]
        ours_cost, peer_cost = costs_of(both, repeat)
        told.append(
            row("what must run, 400 stages, s (peer: dvc status)", ours_cost.seconds, peer_cost.seconds, BUDGET_VERDICT)
        )
    return told


def _project(root: Path, count: int) -> Path:
    for folder in ("in", "params", ".dvc"):
        (root / folder).mkdir(parents=True)
    names = [f"s{number:03d}" for number in range(count)]
    for name in names:
        (root / "in" / f"{name}.txt").write_text(f"{name}\n")
        (root / "params" / f"{name}.json").write_text(json.dumps({"told": {"size": 1}}))
    (root / "params" / "index.json").write_text(json.dumps({"names": names}))
    (root / "dvc.yaml").write_text(_YAML)
    (root / ".dvc" / "config").write_text("[core]\n    analytics = false\n    autostage = false\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    return root


def _undone(root: Path) -> None:
    """As if no stage had run."""
    (root / "dvc.lock").unlink(missing_ok=True)
    for folder in ("out", ".dvc/cache", ".mlops"):
        shutil.rmtree(root / folder, ignore_errors=True)
    (root / "out").mkdir()


def _check(root: Path) -> None:
    done = subprocess.run([_DVC, "status", "--json"], cwd=root, env=environment(), check=True, capture_output=True)
    if json.loads(done.stdout) != {}:
        raise AssertionError("dvc status is not clean after our run")
