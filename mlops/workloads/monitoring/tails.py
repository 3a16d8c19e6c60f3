"""Say how large a statistic becomes in clean windows.

Lives here: tail_of, probability_beyond and value_at: the upper tail of a statistic, measured on windows of the training data.
Not here: the statistics (measures), cutting training data into windows (calibrate).
Law: a tail is a generalised Pareto distribution above the ninth decile (Pickands, Annals of Statistics 1975), with a shape
that is never thinner than exponential: what so few windows did not show is not taken to be impossible.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mlops.contracts.calibration import Tail

SHARE = 0.1
"""Share of windows in the tail."""
_HEAVIEST = 0.25


def tail_of(values: npt.NDArray[Any]) -> Tail:
    """Measure the tail by its moments (Hosking and Wallis, Technometrics 1987)."""
    start = float(np.quantile(values, 1 - SHARE))
    above = values[values > start] - start
    if not len(above):
        return Tail(start=_short(start), scale=0.0, shape=0.0, most=_short(float(values.max())))
    mean, variance = float(above.mean()), float(above.var())
    shape = 0.5 * (1 - mean * mean / variance) if variance > 0 else 0.0
    shape = min(max(shape, 0.0), _HEAVIEST)
    return Tail(
        start=_short(start), scale=_short(mean * (1 - shape)), shape=_short(shape), most=_short(float(values.max()))
    )


def probability_beyond(tail: Tail, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return how likely a clean window reaches each value; SHARE for all that the tail does not begin with."""
    beyond = np.maximum(np.asarray(values, dtype=np.float64) - tail.start, 0.0)
    if tail.scale <= 0:
        return np.where(beyond > 0, 1e-12, SHARE)
    if tail.shape < 1e-6:
        left = np.exp(-beyond / tail.scale)
    else:
        left = (1 + tail.shape * beyond / tail.scale) ** (-1 / tail.shape)
    return np.maximum(SHARE * left, 1e-12)


def value_at(tail: Tail, probability: float) -> float:
    """Return what a clean window reaches with this probability."""
    ratio = max(SHARE / probability, 1.0)
    if tail.shape < 1e-6:
        return tail.start + tail.scale * math.log(ratio)
    return float(tail.start + tail.scale / tail.shape * (ratio**tail.shape - 1))


def _short(value: float) -> float:
    """Drop digits that differ from one processor to the next."""
    return float(f"{value:.6g}")
