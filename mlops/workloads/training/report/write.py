"""Write the report of a model.

Lives here: the program that `mlops show model.NAME --report FILE` runs.
Not here: the page (page), measuring (training.evaluate).
Law: reads what `evaluate` wrote and the test split, and measures nothing.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.workloads.stage import failed
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.description import Description
from mlops.workloads.training.report.page import EvaluationReport, report_page
from mlops.workloads.training.run_log import CANDIDATE_SECONDS, RUNS, folder_digest


def read_report(name: str, root: Path = Path()) -> EvaluationReport:
    """Raises MlopsError where the model was not evaluated."""
    measured, plots = root / "metrics" / "model" / f"{name}.json", root / "plots" / "model" / name
    if not measured.exists():
        raise failed("no evaluation", f"{measured} is not there. Make it: dvc repro evaluate@{name}")
    folder = root / "models" / name / "train"
    description = Description.read(folder)
    drawn = {path.stem: json.loads(path.read_text()) for path in sorted(plots.glob("*.json"))}
    summary = json.loads((folder / "summary.json").read_text())
    rows = _values(PreparedData.open(description.dataset, root), drawn.get("worst_rows", []))
    metrics = json.loads(measured.read_text())
    counts = summary.get("rows", {})
    return EvaluationReport(
        name, description.task, description.dataset, counts, metrics, drawn, rows, summary, _seconds(folder, root)
    )


def _seconds(folder: Path, root: Path) -> list[float | None]:
    """Return how long each candidate took in the run that made this folder; nothing where it ran on another machine."""
    try:
        found: list[float | None] = json.loads((root / RUNS / folder_digest(folder) / CANDIDATE_SECONDS).read_text())
    except (OSError, ValueError):
        return []
    return found


def _values(data: PreparedData, worst: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the values of the features of these rows; none where the data set is not here."""
    if not (data.folder / "test.parquet").exists():
        return []
    raw = data.raw("test").select(list(data.types)).take([row["row"] for row in worst])
    return [dict(row) for row in raw.to_pylist()]


def main() -> None:
    config = json.loads(Path(sys.argv[1]).read_text())
    try:
        page = report_page(read_report(config["model"]))
        Path(config["out"]).write_text(page)
    except MlopsError as error:
        sys.exit(" ".join(problem.detail for problem in error.problems))
    except OSError as error:
        sys.exit(f"The report cannot be written: {error}.")


if __name__ == "__main__":
    main()
