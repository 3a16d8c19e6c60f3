"""Ask for intervals of a batch once more.

Lives here: rerun_intervals.
Not here: what is due (kinds.batch), scoring.
Law: only the ledger learns of it; a plan shows it before anything is done.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from mlops.api.configuration import parse_address
from mlops.context.context import Context
from mlops.errors import MlopsError
from mlops.kinds.batch import BatchKind

if TYPE_CHECKING:
    from mlops.api.project import Project


def rerun_intervals(project: Project, batch: str, named: str) -> list[str]:
    """Say that scored intervals are to be scored again, and return their names. `batch`: its name or address. `named`: an
    interval, or FIRST..LAST. Raises MlopsError where there is no such batch or interval."""
    records = project.store.records()
    at = parse_address(batch if "." in batch else f"batch.{batch}", records)
    if at.kind != "batch":
        raise MlopsError.of(
            "has no intervals", f"A {at.kind} has no intervals; a batch has. Batches: mlops status", address=str(at)
        )
    context = Context(project.root, project.spec.settings, "", records, project.spec.resources)
    return BatchKind(context).rerun(records[at], named, who=getpass.getuser())
