"""Hold one Pulumi stack open.

Lives here: PulumiSession, a stack of the Automation API that asks the command for nothing that nobody reads.
Not here: what is done with it (pulumi).
Law: importing it imports pulumi, so only functions that run an update import it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pulumi import automation as auto
from pulumi.automation._stack import StackInitMode

_NOT_ASKED = auto.UpdateSummary("not asked", datetime.now(UTC), "", {}, {}, "succeeded")


class PulumiSession(auto.Stack):
    """A stack that asks the command for little. After every update the Automation API asks for all outputs, twice, and
    for the history, which costs a second of processes. This one does not; `outputs_now` asks when somebody wants to
    know."""

    def __init__(self, name: str, workspace: auto.LocalWorkspace, *, select_only: bool) -> None:
        """Open the stack. Raises StackNotFoundError with `select_only` where there is none."""
        mode = StackInitMode.SELECT if select_only else StackInitMode.CREATE_OR_SELECT
        super().__init__(name, workspace, mode)

    def outputs(self) -> dict[str, Any]:
        return {}

    def info(self, show_secrets: bool = True) -> auto.UpdateSummary:
        return _NOT_ASKED

    def outputs_now(self) -> dict[str, Any]:
        return {name: output.value for name, output in self.workspace.stack_outputs(self.name).items()}
