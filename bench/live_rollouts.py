"""What a rollout lets through, with real versions behind the real gateway.

Lives here: seven bad versions and ten good ones, each rolled out under the same load: which went live, and whom they hurt.
Not here: making them (bad_versions), rates over many rollouts (rollout).
Law: no bad version stays live, and every good one does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.bad_versions import BAD, Ended, Rehearsal
from tests.e2e.conftest import make_small

_GOOD = 10


def rows(repeat: int) -> list[dict[str, Any]]:
    """`repeat` scales the good versions: 5 means ten."""
    out = []
    with tempfile.TemporaryDirectory(prefix="mlops-rollouts-") as folder:
        place = make_small(Path(folder) / "project")
        try:
            place.mlops("apply", "--yes")
            rehearsal = Rehearsal(place)
            for name, defect in BAD.items():
                ended = rehearsal.roll(defect)
                out.append(_row(f"bad version is live: {name}", ended, is_bad=True))
            for number in range(1, max(1, _GOOD * repeat // 5) + 1):
                out.append(_row(f"good version is live: {number}", rehearsal.roll(None), is_bad=False))
        finally:
            place.mlops("destroy", "--yes", code=None)
    return out


def _row(name: str, ended: Ended, *, is_bad: bool) -> dict[str, Any]:
    is_live = ended.evidence is None
    print(f"  {name}: {is_live}, {ended.hurt} clients hurt, {ended.seconds:.0f} s, {ended.answers}", file=sys.stderr)
    words = f"{name}; {ended.hurt} clients hurt, {ended.seconds:.0f} s"
    return {
        "name": words, "ours": float(is_live), "peer": None, "ratio": None, "budget": float(not is_bad),
        "holds": is_live is not is_bad, "evidence": ended.evidence,
    }  # fmt: skip
