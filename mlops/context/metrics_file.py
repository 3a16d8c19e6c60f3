"""Read what an evaluation measured.

Lives here: read_metrics.
Not here: measuring (workloads), what a metric is (metrics), judging (kinds).
Law: a file that is missing or damaged gives None, and no error.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_metrics(root: Path, model_name: str) -> dict[str, Any] | None:
    """Return what metrics/model/NAME.json holds: `SPLIT_METRIC` -> number, and `slices`; None where there is no such file."""
    try:
        metrics: dict[str, Any] = json.loads((root / "metrics" / "model" / f"{model_name}.json").read_text())
    except (OSError, ValueError):
        return None
    return metrics
