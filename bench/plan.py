"""How long a plan without changes takes.

Lives here: the row of the reference project's no-op plan.
Not here: plans of thousands.
Law: measured as a whole process, on the applied reference project, beside `dvc status` of the same.
"""

from __future__ import annotations

import subprocess
from typing import Any

from bench.command import BIN, ROOT, seconds_of

BUDGET = 0.6


def rows(repeat: int) -> list[dict[str, Any]]:
    mlops = str(BIN / "mlops")
    subprocess.run([mlops, "apply", "--yes"], cwd=ROOT, check=True, capture_output=True)
    ours, peer = seconds_of([[mlops, "plan", "--detailed-exitcode"], [str(BIN / "dvc"), "status"]], repeat)
    return [
        {
            "name": "mlops plan, reference project, no change, s (peer: dvc status)",
            "ours": ours,
            "peer": peer,
            "ratio": ours / peer,
            "budget": BUDGET,
            "holds": ours <= BUDGET,
        }
    ]
