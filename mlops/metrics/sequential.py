"""Say what counts prove, however often one looks.

Lives here: share_above and share_below, bounds of a share that hold at every moment at once; is_larger, which compares two, and
evidence_of_larger, how much speaks for that.
Not here: what is counted and what it means (rollout.judges of versions, workloads.monitoring.concept of late labels).
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
    is yes with a probability of at most `error`, over all moments at which one asks."""
    limit = -log(error) if error > 0 else inf
    return evidence_of_larger(mine, other, margin, enough=limit) > limit


def evidence_of_larger(
    mine: tuple[float, float], other: tuple[float, float], margin: float = 0.0, *, enough: float = -inf
) -> float:
    """Return the logarithm of the evidence that the share of `mine` is beyond that of `other` by more than `margin`; minus
    infinity where it does not look so. Where it is not beyond, the evidence is 1 at most in the mean, whenever one stops.

    The evidence is the product of both mixture ratios, at those shares which explain the counts best without such a
    difference: a product of two martingales is one, whatever each version is asked next. `enough`: evidence that is surely
    less is not computed any closer.
    """
    if not mine[1] or not other[1]:
        return -inf
    low, high = other[0] / other[1], mine[0] / mine[1] - margin

    def against(share: float) -> float:
        return _evidence(*mine, share + margin) + _evidence(*other, share)

    if high <= low:
        return -inf
    together = (mine[0] + other[0]) / (mine[1] + other[1])
    found = against(min(max(together, low), high))
    if found <= enough:
        return found
    for _ in range(_STEPS):  # the evidence is convex between the two shares
        third = (high - low) / 3
        low, high = (low, high - third) if against(low + third) < against(high - third) else (low + third, high)
    return min(found, against((low + high) / 2))


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
