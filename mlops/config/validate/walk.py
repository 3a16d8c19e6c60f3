"""Walk through nested mappings and lists.

Lives here: paths_below, leaves_below, and dotted (a path as text).
Not here: what the values mean (settings, resources), where they were written (compose.provenance).
Law: a walk visits values in the order in which they are written, and changes none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlops.config.compose.provenance import Path


def paths_below(value: Any, path: Path = ()) -> Iterator[Path]:
    """Yield the path of every value inside `value`, those of mappings and list items too. `path`: that of `value`."""
    if path:
        yield path
    for part, inner in _items(value) or ():
        yield from paths_below(inner, (*path, part))


def leaves_below(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the value of everything inside `value` that is neither a mapping nor a list."""
    items = _items(value)
    if items is None:
        yield path, value
        return
    for part, inner in items:
        yield from leaves_below(inner, (*path, part))


def dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)


def _items(value: Any) -> Any:
    return value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
