"""Say where a mean lies, at every moment at once.

Lives here: ConfidenceSequence, of the mean of numbers from 0 to 1.
Not here: shares of counts (sequential), what the numbers mean (experiment).
Law: it misses the mean at any time with at most the stated probability, so that one may stop whenever one likes.

Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", Journal of the Royal Statistical Society B
86 (2024), Theorem 2: the predictable plug-in empirical-Bernstein confidence sequence, with its running intersection.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import log, sqrt

_MOST_BET = 0.5


@dataclass
class ConfidenceSequence:
    """`error`: the probability that the mean is ever outside of `low` and `high`. `count`: the numbers that were added."""

    error: float
    low: float = 0.0
    high: float = 1.0
    count: int = 0
    _sum: float = 0.5
    """Of the numbers, with a half for one that was never seen, so that the first has a mean before it."""
    _spread: float = 0.25
    _bets: float = 0.0
    _weighed: float = 0.0
    _cost: float = 0.0
    mean: float = field(default=0.5, init=False)

    def add(self, number: float) -> None:
        """Take one more number from 0 to 1."""
        before = self._sum / (self.count + 1)
        variance = self._spread / (self.count + 1)
        self.count += 1
        limit = log(2 / self.error)
        bet = min(_MOST_BET, sqrt(2 * limit / (variance * self.count * log(1 + self.count))))
        self._sum += number
        now = self._sum / (self.count + 1)
        self._spread += (number - now) ** 2
        self._bets += bet
        self._weighed += bet * number
        self._cost += (number - before) ** 2 * (-log(1 - bet) - bet)
        self.mean = self._weighed / self._bets
        width = (limit + self._cost) / self._bets
        self.low, self.high = max(self.low, self.mean - width), min(self.high, self.mean + width)
