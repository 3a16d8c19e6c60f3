"""A search that is killed at any moment ends as one that was not, and workers side by side lose and double no trial.

SEARCH_KILLS says how often each is killed; a few times by default.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.workloads.searched_project import LEDGER, ledger, say_search, search_anew

KILLS = int(os.environ.get("SEARCH_KILLS", "4"))
_SEARCH = "from mlops.workloads.tuning.tune import tune; tune('late')"
_KILLED_AGAIN_AND_AGAIN = """
import os, random, signal, sys, time
from pathlib import Path
from mlops.workloads.tuning.tune import tune
import mlops.workloads.training.families.boosted_trees
chance, wanted, killed, done = random.Random(3), int(sys.argv[1]), 0, 0
def begin():
    child = os.fork()
    if not child:
        sys.stdout = open(os.devnull, "w")
        tune("late")
        os._exit(0)
    return child
def say():
    print(Path("tuning/model/late.json").read_text().replace("\\n", " "), flush=True)
    Path("tuning/model/late.json").unlink()
started = time.monotonic()
assert not os.waitpid(begin(), 0)[1]
seconds = time.monotonic() - started
say()
while killed < wanted or not done:
    child = begin()
    if killed < wanted:
        time.sleep(chance.uniform(0, seconds))
        os.kill(child, signal.SIGKILL)
    if os.waitpid(child, 0)[1]:
        killed += 1
    else:
        done += 1
        say()
print(f"killed {killed} times, ended {done} times, {seconds:.1f} s undisturbed", file=sys.stderr)
"""


def test_search_that_was_killed_ends_as_one_that_was_not(tuned: Path) -> None:
    say_search(tuned, trials=13, prune="asha")
    undisturbed = search_anew(tuned)
    (tuned / LEDGER).unlink()
    command = [sys.executable, "-c", _KILLED_AGAIN_AND_AGAIN, str(KILLS)]
    ran = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(found) > 1
    for one in found:
        for trial in one["trials"]:
            del trial["seconds"]
        assert one == undisturbed


def test_four_workers_lose_and_double_no_trial(tuned: Path) -> None:
    """Workers, and sometimes the search with all of them, are killed at random moments. What was once in the ledger stays as it was
    written, its seconds too: no trial that ended is run again."""
    count, chance, seen = 20 + 25 * KILLS, random.Random(5), dict[int, Any]()
    say_search(tuned, trials=count, parallel=4, search="random", trees=100)
    search, killed, lines = _begin(), 0, 0
    try:
        while search.poll() is None or search.returncode:
            if search.poll() is not None:
                assert search.returncode == -signal.SIGKILL
                search = _begin()
            workers = _workers_of(search)
            if killed == KILLS or not workers or _lines_of(tuned) <= lines:  # trials end between two of them
                time.sleep(0.02)
                continue
            time.sleep(chance.uniform(0, 0.5))
            lines = _lines_of(tuned)
            seen |= _trials_so_far(tuned)
            victim = chance.choice([*workers, search.pid] if killed % 4 == 3 else workers)
            if search.poll() is None and _killed(victim):
                killed += 1
                lines = 0 if victim == search.pid else lines
    finally:
        search.kill()
    found = {one["number"]: one for one in json.loads((tuned / LEDGER).read_text())["trials"]}
    print(f"killed {killed} times; {len(seen)} of {count} trials had ended before the last of them")
    assert killed
    assert seen
    assert list(found) == list(range(count))
    assert len({json.dumps(one["values"]) for one in found.values()}) == count
    assert {number: found[number] for number in seen} == seen
    assert ledger(tuned)["ended"] == "trials"


def _begin() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", _SEARCH])


def _trials_so_far(root: Path) -> dict[int, Any]:
    if not (root / LEDGER).exists():
        return {}
    return {one["number"]: one for one in json.loads((root / LEDGER).read_text())["trials"]}


def _lines_of(root: Path) -> int:
    """Return how many trials ended since the search, or another one after it, began."""
    try:
        return len((root / ".mlops/tuning/late/tuning.log").read_text().splitlines())
    except OSError:
        return 0


def _killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def _workers_of(search: subprocess.Popen[bytes]) -> Sequence[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*") if _parent_of(path) == search.pid]


def _parent_of(process: Path) -> int | None:
    try:
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return None
