"""Keep what each key of an endpoint has used.

Lives here: Quotas, the file quota.json of one endpoint; spent_keys.
Not here: refusing who has used all (the gateway), asking how much it was (gatekeeper).
Law: what was used outlives every process; a quota begins anew at whole multiples of its time since 1970.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.targets.local.files import read_mapping, write_private

FILE = "quota.json"


@dataclass
class Quotas:
    """`folder`: of the endpoint."""

    folder: Path

    def add(self, counted: Mapping[str, float], limits: Mapping[str, tuple[float, float]], now: float) -> bool:
        """Add what the gateway counted of each key since it started, and say whether another set of keys is used up now. `limits`:
        key -> (count, seconds)."""
        before = read_mapping(self.folder / FILE)
        found: dict[str, Any] = {}
        for key, (count, seconds) in limits.items():
            known = before.get(key, {})
            window, seen = now // seconds * seconds, counted.get(key, known.get("seen", 0.0))
            last = known.get("seen", 0.0)
            more = seen - last if seen >= last else seen  # the gateway was started anew
            used = (known.get("used", 0.0) if known.get("window") == window else 0.0) + more
            found[key] = {"window": window, "seconds": seconds, "used": used, "seen": seen, "count": count}
        if found != before:
            write_private(self.folder / FILE, found)
        return _spent(before, now) != _spent(found, now) or _spent(before, 0.0) != _spent(found, 0.0)


def spent_keys(folder: Path, now: float) -> frozenset[str]:
    """Return the keys of the endpoint in `folder` that have used up their quota."""
    return _spent(read_mapping(folder / FILE), now)


def _spent(quotas: Mapping[str, Any], now: float) -> frozenset[str]:
    """Return those that are used up at the time `now`; at 0, in the time that they were counted in."""
    return frozenset(
        key
        for key, one in quotas.items()
        if one["used"] >= one["count"] and (now == 0.0 or now // one["seconds"] * one["seconds"] == one["window"])
    )
