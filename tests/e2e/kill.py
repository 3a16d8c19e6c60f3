"""Kill `mlops apply` at random moments, and look whether the next one reaches the same world.

`python -m tests.e2e.kill values --kills 200` and `python -m tests.e2e.kill flights --kills 50`; `make torture` runs both.
test_killed runs a few of each.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from mlops.api import Project
from mlops.engine.resource import Action
from tests.e2e.conftest import BIN, Workplace

VALUES = 300
LINES = 3 * VALUES
"""What an apply tells: of each change that it is planned, begun and done."""


def values(root: Path) -> Workplace:
    """300 values in three files; each file's first is made from the one before."""
    (root / "conf" / "value").mkdir(parents=True)
    (root / "conf" / "project.yaml").write_text("name: kill\n")
    declare(root, 0)
    return Workplace(root)


def declare(root: Path, number: int) -> None:
    """Another spec each time: values change, and a third of them comes and goes."""
    for file in range(3):
        source = f"${{output:value.g{file - 1}-n0.value}}" if file else str(number)
        names = range(1, VALUES // 3) if (number + file) % 3 else range(1, VALUES // 6)
        lines = [f"value: {source}", "for_each:", "  n0: {}"]
        lines += [f"  n{index}: {{ value: {index * (number % 2 + 1)} }}" for index in names]
        (root / "conf" / "value" / f"g{file}.yaml").write_text("\n".join(lines) + "\n")


def expected(root: Path) -> dict[str, Any]:
    """What the spec says, worked out without the engine."""
    told: dict[str, Any] = {}
    first: Any = None
    for file in range(3):
        lines = (root / "conf" / "value" / f"g{file}.yaml").read_text().splitlines()
        first = int(lines[0].split()[1]) if file == 0 else first
        told[f"value.g{file}-n0"] = first
        for line in lines[3:]:
            name, _, rest = line.strip().partition(":")
            told[f"value.g{file}-{name}"] = int(rest.split()[2])
    return told


def kill_once(place: Workplace, after: float, *words: str) -> bool:
    """Whether it was killed before it ended."""
    process = subprocess.Popen(
        [BIN / "mlops", "apply", "--yes", *words], cwd=place.root, env=place.env, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def kill_at(place: Workplace, line: int, pause: float) -> bool:
    """Kill an apply after it has told so many lines. Whether it was killed before it ended."""
    process = subprocess.Popen(
        [BIN / "mlops", "apply", "--yes", "--json"], cwd=place.root, env=place.env, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    assert process.stdout
    told = 0
    with process.stdout as stream:
        while told < line and stream.readline():
            told += 1
        time.sleep(pause)
        is_hit = told == line and process.poll() is None
        process.kill()
        process.wait()
    return is_hit


def torture_values(place: Workplace, kills: int, seed: int, tell: Callable[[str], object]) -> int:
    """Each round edits the spec, kills the apply up to four times, applies to the end, and compares. The kills that hit.

    The moments are spread over all that an apply tells, so that they hit all of it however busy the machine is; each
    fifth is somewhere before the first line."""
    chance, hits, inside, rounds = random.Random(seed), 0, 0, 0
    while hits < kills:
        rounds += 1
        declare(place.root, rounds)
        for _ in range(chance.choice([1, 2, 3, 4])):
            if chance.random() < 0.2:
                is_hit = kill_once(place, chance.uniform(0.0, 1.5))
            else:
                is_hit = kill_at(place, chance.randrange(1, LINES), chance.choice([0, 0.001, 0.01, 0.05]))
            hits += is_hit
            inside += is_hit and open_intents(place.root) > 0
        place.mlops("apply", "--yes")
        same_world(place.root)
        tell(f"{time.strftime('%H:%M:%S')} round {rounds}: {hits} kills, {inside} in the middle of steps")
    return hits


def same_world(root: Path) -> None:
    """As the spec says, nothing left to do, nothing begun and not finished."""
    project = Project.open(root)
    assert [change for change in project.plan().changes if change.action is not Action.NOOP] == []
    records = project.store.records()
    assert {str(at): record.outputs["value"] for at, record in records.items()} == expected(root)
    assert all(record.complete for record in records.values())
    assert project.store.intents() == []
    project.store.engine.dispose()


def open_intents(root: Path) -> int:
    """What the killed apply had begun and not finished."""
    try:
        with closing(sqlite3.connect(f"file:{root}/.mlops/state.db?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM mlops_intents").fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def _tell(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", choices=["values", "flights"])
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    print(f"seed {told.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mlops-kill-") as folder:
        root = Path(folder) / "project"
        if told.project == "values":
            hits = torture_values(values(root), told.kills, told.seed, _tell)
        else:
            from tests.e2e.kill_flights import torture_reference

            hits = torture_reference(root, told.kills, told.seed, _tell)
    print(f"{hits} kills, and each time the next apply reached the same world")
    return 0


if __name__ == "__main__":
    sys.exit(main())
