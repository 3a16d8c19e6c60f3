"""Have the report of a model written.

Lives here: write_report.
Not here: drawing it, which a program of the workloads does (workloads.training.report).
Law: nothing is measured or trained for it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from mlops.address import Address
from mlops.errors import MlopsError
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
    if lacking := lacking_of_extra("training"):
        raise MlopsError.of(
            "packages are missing",
            f"A report is drawn by packages of the extra `training`, and there is no {', '.join(lacking)}. Install them: "
            "pip install 'mlops[training]'",
        )
    with tempfile.TemporaryDirectory(prefix="mlops-") as folder:
        asked = Path(folder) / "report.json"
        asked.write_text(json.dumps({"model": address.name, "out": str(out.absolute())}))
        run([sys.executable, "-m", "mlops.workloads.training.report.write", str(asked)], cwd=root)
