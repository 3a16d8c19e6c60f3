"""A model of a few trees whose values are searched for, in the prepared project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mlops.workloads.tuning.tune import tune

LEDGER = Path("tuning/model/late.json")
SPACE = {"architecture.leaves": {"log_int": [2, 16]}, "architecture.learning_rate": {"log": [0.01, 0.5]}}


def say_search(root: Path, *, price: str = "", trees: int = 4, **fields: Any) -> None:
    said = {"space": SPACE, "trials": 5, **fields}
    model = {"dataset": "rows", "task": "binary", "architecture": {"name": "boosted_trees", "trees": trees}}
    asked = {"tune": said, "dataset": "rows", "task": "binary", "code": {}}
    asked |= {"price": price} if price else {}
    params = {
        "train": {**model, "code": {}},
        "tune": asked,
        "evaluate": {"slices": [], "code": {}},
        "export": {"code": {}},
    }
    (root / "params/model").mkdir(parents=True, exist_ok=True)
    (root / "params/model/late.json").write_text(json.dumps(params))


def ledger(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / LEDGER).read_text())
    for one in found["trials"]:
        assert one.pop("seconds") >= 0
    return found


def search_anew(root: Path) -> dict[str, Any]:
    """Search without what the ledger says."""
    (root / LEDGER).unlink(missing_ok=True)
    tune("late")
    return ledger(root)
