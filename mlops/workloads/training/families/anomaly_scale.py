"""Choose from where a row is flagged.

Lives here: boundary_of, the raw score that a share of the train split is above.
Not here: raw scores (the families of the task `anomaly`).
Law: no row of the train split lies on the boundary itself, so that rounding flags none and clears none.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FLAGGED = 0.5
"""What a score becomes at the boundary, whatever made it."""


def boundary_of(raw: npt.NDArray[Any], contamination: float) -> float:
    """Return a number that at most this share of `raw` is above: half way to the next one that is."""
    ordered = np.sort(raw.astype(np.float64))
    last = ordered[max(0, len(ordered) - 1 - int(contamination * len(ordered)))]
    above = ordered[ordered > last]
    following = float(above[0]) if len(above) else float(last) * (1 + 1e-3) + 1e-12
    return (float(last) + following) / 2
