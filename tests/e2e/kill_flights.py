"""The reference project under `tests.e2e.kill`: real training, real servers."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

from tests.e2e.conftest import copy_reference
from tests.e2e.kill import kill_once

CHANGES: tuple[tuple[int, Callable[[random.Random], str]], ...] = (
    (4, lambda chance: f"package.delay.api.max_rows={chance.randrange(500, 5000)}"),
    (3, lambda chance: f"endpoint.delay.replicas={chance.choice([1, 2, 3])}"),
    (2, lambda chance: f"endpoint.delay.rate_limit={chance.randrange(1000, 9000)}/s"),
    (2, lambda chance: f"monitor.delay.window={chance.choice(['30m', '1h', '2h'])}"),
    (2, lambda chance: f"model.delay.trainer.seed={chance.randrange(1, 9)}"),
    (1, lambda chance: f"dataset.flights.clean.age.clip=[0,{chance.randrange(50, 60)}]"),
)


def torture_flights(root: Path, kills: int, seed: int) -> int:
    """Each round changes one to three fields, kills the apply of it, and applies to the end. The kills that hit."""
    chance, hits = random.Random(seed), 0
    place = copy_reference(root)
    weights = [weight for weight, _ in CHANGES]
    try:
        place.mlops("apply", "--yes")
        while hits < kills:
            made = {make(chance) for _, make in chance.choices(CHANGES, weights, k=chance.choice([1, 2, 3]))}
            change = list({word.partition("=")[0]: word for word in sorted(made)}.values())
            slow = any(word.startswith(("model", "dataset")) for word in change)
            after = chance.uniform(0.3, 30.0 if slow else 6.0)
            hits += kill_once(place, after, *change)
            place.mlops("apply", "--yes", *change, code=None)
            words = place.words(*change)
            assert words == {}, (change, after, words)
            unwell = {at: told for at, told in place.status().items() if told["state"] != "ok"}
            assert unwell == {}, (change, after, unwell)
            assert json.loads(place.run("dvc", "status", "--json").stdout) == {}
            print(f"{hits} kills; {' '.join(change)} after {after:.1f} s", flush=True)
        assert json.loads(place.mlops("state", "pull").stdout)["intents"] == []
        return hits
    finally:
        place.mlops("destroy", "--yes", code=None)
