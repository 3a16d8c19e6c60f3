"""Put resources in order.

Lives here: order (each after what it needs), reach (all that follow along edges), and the error of a cycle.
Not here: what the edges mean.
Law: equal graphs give equal orders; ties go by address.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping

from mlops.address import Address
from mlops.errors import InvalidConfig

Edges = Mapping[Address, Iterable[Address]]


def order(needs: Edges) -> tuple[Address, ...]:
    """Return the addresses in an order that puts each after what it needs. `needs`: what must come before each; names
    that are no key are ignored. Raises InvalidConfig for a cycle."""
    waits = {at: {need for need in wanted if need in needs and need != at} for at, wanted in needs.items()}
    after: dict[Address, list[Address]] = {at: [] for at in needs}
    for at, wanted in waits.items():
        for need in wanted:
            after[need].append(at)
    ready = [at for at, wanted in waits.items() if not wanted]
    heapq.heapify(ready)
    done: list[Address] = []
    while ready:
        at = heapq.heappop(ready)
        done.append(at)
        for follower in after[at]:
            waits[follower].discard(at)
            if not waits[follower]:
                heapq.heappush(ready, follower)
    if len(done) < len(waits):
        cycle = " → ".join(str(at) for at in _cycle({at: wanted for at, wanted in waits.items() if wanted}))
        raise InvalidConfig.of(
            "cycle", f"These need each other, so none can be made first: {cycle}. Take one edge out."
        )
    return tuple(done)


def _cycle(waits: Mapping[Address, set[Address]]) -> list[Address]:
    path: list[Address] = []
    at = min(waits)
    while at not in path:
        path.append(at)
        at = min(need for need in waits[at] if need in waits)
    return [*path[path.index(at) :], at]


def reach(start: Iterable[Address], edges: Edges) -> set[Address]:
    """Return `start` and everything that follows from it along `edges`."""
    seen: set[Address] = set()
    todo = list(start)
    while todo:
        at = todo.pop()
        if at not in seen:
            seen.add(at)
            todo += edges.get(at, ())
    return seen


def reverse(edges: Edges) -> dict[Address, list[Address]]:
    turned: dict[Address, list[Address]] = {at: [] for at in edges}
    for at, needs in edges.items():
        for need in needs:
            turned.setdefault(need, []).append(at)
    return turned
