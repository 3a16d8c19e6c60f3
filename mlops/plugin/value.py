"""Keep a value.

Lives here: ValueKind: it records its input as its output, and does nothing else.
Not here: what its file says (value_model).
Law: touches nothing outside the state, so that what it costs is what the engine costs.
"""

from __future__ import annotations

import hashlib
import json

from mlops.plugin.kind import BaseKind, Outcome, Step


class ValueKind(BaseKind):
    name = "value"
    movable = True

    def create(self, step: Step) -> Outcome:
        assert step.desired is not None
        value = step.desired.inputs.get("value")
        digest = hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()
        return Outcome({"digest": digest, "value": value})

    def delete(self, step: Step) -> None:
        """There is nothing but the record."""
