"""The reference project under `tests.e2e.kill`: real training, real servers."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import Workplace, copy_reference
from tests.e2e.kill import kill_once, open_intents

Change = tuple[int, Callable[[random.Random], str]]
QUICK: tuple[Change, ...] = (
    (4, lambda chance: f"package.delay.api.max_rows={chance.randrange(500, 5000)}"),
    (3, lambda chance: f"endpoint.delay.replicas={chance.choice([1, 2, 3])}"),
    (2, lambda chance: f"endpoint.delay.rate_limit={chance.randrange(1000, 9000)}/s"),
    (2, lambda chance: f"monitor.delay.window={chance.choice(['30m', '1h', '2h'])}"),
)
CHANGES: tuple[Change, ...] = (
    *QUICK,
    (2, lambda chance: f"model.delay.trainer.seed={chance.randrange(1, 9)}"),
    (1, lambda chance: f"dataset.flights.clean.age.clip=[0,{chance.randrange(50, 60)}]"),
)
PROGRAMS = ("supervisord", "envoy", "mlops.workloads.serving.server", "mlops.workloads.monitoring.watcher")


def torture_reference(root: Path, kills: int, seed: int, tell: Callable[[str], object]) -> int:
    """A copy of the reference project, applied, tortured and taken down again."""
    place = copy_reference(root)
    try:
        place.mlops("apply", "--yes")
        return torture_flights(place, kills, seed, tell)
    finally:
        place.mlops("destroy", "--yes", code=None)


def torture_flights(
    place: Workplace, kills: int, seed: int, tell: Callable[[str], object], *, changes: tuple[Change, ...] = CHANGES
) -> int:
    """Each round changes one to three fields, kills the apply of it up to three times, and applies to the end. The kills
    that hit."""
    chance, hits, inside = random.Random(seed), 0, 0
    weights = [weight for weight, _ in changes]
    while hits < kills:
        made = {make(chance) for _, make in chance.choices(changes, weights, k=chance.choice([1, 2, 3]))}
        change = list({word.partition("=")[0]: word for word in sorted(made)}.values())
        is_slow = any(word.startswith(("model", "dataset")) for word in change)
        after = [chance.uniform(0.3, 30.0 if is_slow else 8.0) for _ in range(chance.choice([1, 2, 3]))]
        for seconds in after:
            if kill_once(place, seconds, *change):
                hits += 1
                inside += open_intents(place.root) > 0
        done = place.mlops("apply", "--yes", *change, code=None)
        told = f"{' '.join(change)} after {', '.join(f'{seconds:.1f}' for seconds in after)} s"
        converged(place, change, f"{told}\n{done.stdout}{done.stderr}")
        tell(
            f"{time.strftime('%H:%M:%S')} {hits} kills, {inside} in the middle of steps; {told}; exit {done.returncode}"
        )
    return hits


def converged(place: Workplace, change: list[str], told: str) -> None:
    """Nothing left to do, everything well, each process there as often as it should be, and DVC finds nothing to do."""
    words = place.words(*change)
    assert words == {}, f"{words} after {told}"
    unwell = {at: item for at, item in place.status().items() if item["state"] != "ok"}
    assert unwell == {}, f"{unwell} after {told}"
    state = json.loads(place.mlops("state", "pull").stdout)
    assert state["intents"] == [], told
    endpoint = state["records"]["endpoint.delay"]
    servers = endpoint["inputs"].get("replicas", 1)
    running = processes(place.root)
    assert running == dict(zip(PROGRAMS, (1, 1, servers, 1), strict=True)), f"{running} after {told}"
    assert json.loads(place.run("dvc", "status", "--json").stdout) == {}, told
    place.mlops("invoke", "endpoint.delay", "--rows", "docs/flights.json")


def processes(root: Path) -> dict[str, int]:
    """How many of each program run for the project."""
    counted: Counter[str] = Counter()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if f"{root}/" in line:
            counted.update(name for name in PROGRAMS if name in line)
    return {name: counted[name] for name in PROGRAMS}
