"""Say what counts prove, however often one looks.

Lives here: share_above and share_below, bounds of a share that hold at every moment at once, and is_larger, which compares two.
Not here: what is counted (evidence), what it means (judges).
Law: a bound is wrong at any time with at most the stated probability, so looking early and often costs nothing.

Source: Robbins, "Statistical methods related to the law of the iterated logarithm" (1970), the mixture likelihood ratio;
Johari, Pekelis and Walsh, "Always valid inference" (2015), its use for stopping at any time. The mixture is a Beta(1/2, 1/2), the
bound is Ville's inequality: the ratio of the mixture to the true share exceeds 1/error with a probability of at most `error`.
"""

from __future__ import annotations

from math import inf, lgamma, log

_HALF = 0.5
_STEPS = 50


def share_above(hits: float, trials: float, error: float) -> float:
    """Return what the share lies above, but for a probability of `error`, at whatever moment one looks."""
    if hits <= 0 or trials <= 0 or error <= 0:
        return 0.0
    return _crossing(hits, trials, 0.0, hits / trials, -log(error))


def share_below(hits: float, trials: float, error: float) -> float:
    """Return what the share lies below, but for a probability of `error`, at whatever moment one looks."""
    return 1.0 - share_above(trials - hits, trials, error) if trials > 0 else 1.0


def is_larger(mine: tuple[float, float], other: tuple[float, float], error: float, margin: float = 0.0) -> bool:
    """Say whether the share of `mine` (hits, trials) is beyond that of `other` by more than `margin`. Where it is not, the answer
    is yes with a probability of at most `error`, over all moments at which one asks.

    The evidence is the product of both mixture ratios, at those shares which explain the counts best without such a
    difference: a product of two martingales is one, whatever each version is asked next.
    """
    if not mine[1] or not other[1] or error <= 0:
        return False
    low, high = other[0] / other[1], mine[0] / mine[1] - margin

    def against(share: float) -> float:
        return _evidence(*mine, share + margin) + _evidence(*other, share)

    together = (mine[0] + other[0]) / (mine[1] + other[1])
    if high <= low or against(min(max(together, low), high)) <= -log(error):
        return False
    for _ in range(_STEPS):  # the evidence is convex between the two shares
        third = (high - low) / 3
        low, high = (low, high - third) if against(low + third) < against(high - third) else (low + third, high)
    return against((low + high) / 2) > -log(error)


def _crossing(hits: float, trials: float, low: float, high: float, limit: float) -> float:
    """Find by halving where the evidence against a share, which falls on its way to hits / trials, falls below the limit."""
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _evidence(hits, trials, middle) > limit:
            low = middle
        else:
            high = middle
    return low


def _evidence(hits: float, trials: float, share: float) -> float:
    """Return the logarithm of the mixture likelihood ratio against a share."""
    mixture = _log_beta(hits + _HALF, trials - hits + _HALF) - _log_beta(_HALF, _HALF)
    return mixture - _log_likelihood(hits, trials, share)


def _log_likelihood(hits: float, trials: float, share: float) -> float:
    misses = trials - hits
    if (share <= 0 and hits > 0) or (share >= 1 and misses > 0):
        return -inf
    return (hits * log(share) if hits else 0.0) + (misses * log(1 - share) if misses else 0.0)


def _log_beta(one: float, other: float) -> float:
    return lgamma(one) + lgamma(other) - lgamma(one + other)
