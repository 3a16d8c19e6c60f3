"""Have the report of a model written.

Lives here: write_report, and read_tuning and write_tuning_report of a search.
Not here: drawing them, which programs of the workloads do (workloads.training.report, workloads.tuning.report).
Law: nothing is measured or trained for it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.errors import MlopsError
from mlops.kinds.staged.tuned import read_ledger
from mlops.tools.installed import lacking_of_extra
from mlops.tools.process import run


def write_report(root: Path, address: Address, out: Path) -> None:
    """Write the evaluation of a model as one page of HTML. Raises MlopsError where it is no model, was not evaluated, or the
    packages that draw are missing."""
    if address.kind != "model":
        raise MlopsError.of(
            "no report", f"A {address.kind} has no evaluation; a model has. Name one: model.NAME", address=str(address)
        )
    if not (root / "metrics" / "model" / f"{address.name}.json").exists():
        raise MlopsError.of(
            "no evaluation",
            f"metrics/model/{address.name}.json is not there. Make it with `mlops apply`, or fetch it: dvc pull",
            address=str(address),
        )
    _draw(
        root, "training", "mlops.workloads.training.report.write", {"model": address.name, "out": str(out.absolute())}
    )


def read_tuning(root: Path, address: Address) -> Mapping[str, Any]:
    """Return the ledger of a model's search. Raises MlopsError where there is none."""
    ledger = read_ledger(root, address.name) if address.kind == "model" else None
    if ledger is None:
        raise MlopsError.of(
            "no search",
            f"tuning/model/{address.name}.json is not there, or is no ledger of trials. A model that says `tune` has one after "
            "`mlops apply`.",
            address=str(address),
        )
    return ledger


def write_tuning_report(root: Path, address: Address, out: Path) -> None:
    """Write a search as one page of HTML. Raises MlopsError where there is none, or the packages that draw are missing."""
    read_tuning(root, address)
    _draw(root, "tuning", "mlops.workloads.tuning.report", {"model": address.name, "out": str(out.absolute())})


def _draw(root: Path, extra: str, module: str, asked: Mapping[str, str]) -> None:
    if lacking := [*lacking_of_extra("training"), *(lacking_of_extra(extra) if extra != "training" else [])]:
        raise MlopsError.of(
            "packages are missing",
            f"A report is drawn by packages of the extra `{extra}`, and there is no {', '.join(lacking)}. Install them: "
            f"pip install 'mlops[{extra}]'",
        )
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        path = Path(folder) / "report.json"
        path.write_text(json.dumps(asked))
        run([sys.executable, "-m", module, str(path)], cwd=root)
