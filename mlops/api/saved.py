"""Open a saved plan.

Lives here: open_saved.
Not here: the file's form (engine.planfile), applying (project).
Law: a plan whose pins moved, or that has expired, is refused before anything is asked or done.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from mlops.api.options import Options
from mlops.api.project import Project
from mlops.engine.plan import Plan
from mlops.engine.planfile import check_fresh, check_own, check_same, plan_from_json
from mlops.errors import StalePlan


def open_saved(root: Path, path: Path, *, resume: bool = False) -> tuple[Project, Plan]:
    """Return the project as the saved plan saw it, and the plan. Raises StalePlan where it no longer fits.

    `resume`: what an interrupted apply of it did is no reason to refuse, and neither is its expiry.
    """
    plan = plan_from_json(path.read_text(), file=str(path))
    overrides = [text for text in plan.overrides if not text.startswith(("env=", "environment="))]
    project = Project.open(root, overrides=overrides)
    if project.environment != plan.environment:
        project = Project.open(root, overrides=[*overrides, f"env={plan.environment}"])
    project.overrides, project.saved_as = plan.overrides, str(path)
    if project.spec.name != plan.project:
        raise StalePlan.of(
            "plan of another project", f"{path} is a plan of {plan.project}, and this is {project.spec.name}."
        )
    fresh = project.plan(Options.of_extra(plan.extra))
    if resume:
        check_own(plan, fresh, project.store, file=str(path))
    else:
        check_fresh(plan, datetime.now(UTC).isoformat(timespec="seconds"), file=str(path))
        check_same(plan, fresh, file=str(path))
    return project, replace(plan, attention=fresh.attention)
