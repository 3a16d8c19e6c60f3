"""Run the benchmarks: one table, and bench/results.json.

Lives here: choosing the benchmarks, drawing the table, the exit code.
Not here: measuring (one module for each room).
Law: every row is measured beside its peer in the same run; ratios come first, medians decide.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

MODULES = (
    "startup", "plan", "scale", "stages", "preparation", "training", "tuning", "quality", "automl", "evaluation", "serving",
    "rollout", "live_rollouts", "experiments", "batch", "cluster", "drift",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description="Measure mlops beside what a user would pick instead.")
    parser.add_argument("modules", nargs="*", help=f"Which of: {', '.join(MODULES)}. Default: all.")
    parser.add_argument("--repeat", type=int, default=5, help="Runs of each; the median counts.")
    chosen = parser.parse_args()
    unknown = sorted(set(chosen.modules) - set(MODULES))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; there are {', '.join(MODULES)}")
    rows: list[dict[str, Any]] = []
    for name in chosen.modules or MODULES:
        print(f"… {name}", file=sys.stderr)
        rows += importlib.import_module(f"bench.{name}").rows(chosen.repeat)
    print(table(rows))
    (Path(__file__).parent / "results.json").write_text(json.dumps(rows, indent=2) + "\n")
    return 0 if all(row["holds"] is not False for row in rows) else 1


def table(rows: list[dict[str, Any]]) -> str:
    heads = ("holds", "ratio", "ours", "peer", "budget", "name")
    cells = [[_text(row.get(head)) for head in heads] for row in rows]
    widths = [max(len(line[i]) for line in [list(heads), *cells]) for i in range(len(heads))]
    lines = [list(heads), *cells]
    return "\n".join("  ".join(f"{cell:<{w}}" for cell, w in zip(line, widths, strict=True)).rstrip() for line in lines)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "NO"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
