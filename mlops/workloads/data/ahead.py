"""Have the next item made while the last one is used.

Lives here: ahead.
Not here: what is made (sorting), what it is used for (rows).
Law: the items are the same, in the same order, and an error arrives where the item would have; one item waits, so that memory
stays bounded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
_END = object()


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items; a thread of its own makes the next one meanwhile."""
    source = iter(items)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, source, _END)
        while (item := coming.result()) is not _END:
            coming = pool.submit(next, source, _END)
            yield item  # type: ignore[misc]
