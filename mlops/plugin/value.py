"""Keep a value.

Lives here: ValueKind, which records its input as its output and does nothing else.
Not here: what its file says (value_model).
Law: nothing outside the state is touched, so that its cost is the engine's cost.
"""

from __future__ import annotations

import hashlib
import json

from mlops.plugin.kind import BaseKind, Outcome, Step


class ValueKind(BaseKind):
    """A value that other resources refer to."""

    name = "value"
    movable = True

    def create(self, step: Step) -> Outcome:
        assert step.desired is not None
        value = step.desired.inputs.get("value")
        digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        return Outcome({"digest": digest, "value": value})

    def delete(self, step: Step) -> None:
        """Does nothing: there is only the record, which the engine deletes."""
