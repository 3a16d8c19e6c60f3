"""How long the command line takes to start.

Lives here: the row of `mlops --help`.
Not here: planning.
Law: measured as a whole process, beside a Python that does nothing.
"""

from __future__ import annotations

import sys
from typing import Any

from bench.command import BIN, seconds_of

BUDGET = 0.15


def rows(repeat: int) -> list[dict[str, Any]]:
    ours, peer = seconds_of([[str(BIN / "mlops"), "--help"], [sys.executable, "-c", "pass"]], repeat * 3)
    return [
        {
            "name": "mlops --help, s (peer: python -c pass)",
            "ours": ours,
            "peer": peer,
            "ratio": ours / peer,
            "budget": BUDGET,
            "holds": ours <= BUDGET,
        }
    ]
