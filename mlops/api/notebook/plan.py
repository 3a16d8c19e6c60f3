"""Show a plan.

Lives here: ShownPlan, a plan that a notebook and `print` draw, and document_of.
Not here: planning (project), the views themselves (render).
Law: every view is drawn from the one document of the plan.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from mlops.api.options import Options
from mlops.engine.plan import Plan
from mlops.render.document import plan_document


class ShownPlan(Plan):
    """What would change. A notebook shows it as `mlops plan --format html` does, `print` as a terminal does.

    >>> plan = project.plan()
    >>> print(plan)
    No changes. The world matches conf/ (6 resources).
    >>> plan.has_changes
    False
    >>> Project.open(overrides=["endpoint.churn.replicas=2"]).plan().summary["change"]
    1
    """

    @property
    def document(self) -> dict[str, Any]:
        """The plan as plain data, as `mlops plan --format json` prints it."""
        return document_of(self)

    @property
    def summary(self) -> dict[str, int]:
        """How many resources are created, changed, run again, and so on."""
        counts: dict[str, int] = self.document["summary"]
        return counts

    @property
    def has_changes(self) -> bool:
        return bool(self.document["changes"])

    def __str__(self) -> str:
        from mlops.render.terminal import render_terminal

        return render_terminal(self.document).rstrip("\n")

    def _repr_html_(self) -> str:
        from mlops.render.html import render_fragment

        return render_fragment(self.document)


def document_of(plan: Plan, *, saved_as: Path | None = None) -> dict[str, Any]:
    """Return the document that every view draws. `saved_as`: the file to name in the command that applies it."""
    arguments = [str(saved_as)] if saved_as else list(plan.overrides)
    verb = "destroy" if plan.extra.get("destroy") and not saved_as else "apply"
    if not saved_as:
        arguments += Options.of_extra(plan.extra).to_arguments()
    return plan_document(plan, apply_with=" ".join(["mlops", verb, *map(shell_word, arguments)]))


def shell_word(argument: str) -> str:
    """Return an argument as a shell takes it."""
    return argument if argument.startswith("--") else shlex.quote(argument)
