"""Tell where a value was said.

Lives here: Layer (one file, or one override, placed in the whole) and Provenance, which finds the one that won.
Not here: merging values (compose).
Law: later layers win, lists as a whole, mappings key by key; the same rule that composition keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops.config.compose.yaml_source import SourceNode
from mlops.config.project import COMMAND_LINE
from mlops.errors import Source

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Layer:
    """`name`: the file, or `command line`. `at`: where its content lies in the whole. `of`: the group it came in with:
    "project", a kind, "env", "experiment" or "command line"."""

    name: str
    at: tuple[str, ...]
    place: SourceNode
    of: str


@dataclass(frozen=True)
class Found:
    layer: Layer
    place: SourceNode
    exact: bool
    """False where the files name only a value around the one asked for."""

    def source(self, *, key: bool = False, line_only: bool = False) -> Source:
        """`key`: point at the key rather than the value. `line_only`: without a column, so that nobody quotes it."""
        if self.layer.name == COMMAND_LINE:
            return Source(COMMAND_LINE)
        place = self.place
        line, column, width = place.key if key and place.key else (place.line, place.column, place.width)
        return Source(self.layer.name, line) if line_only else Source(self.layer.name, line, column, width)

    def __str__(self) -> str:
        if self.layer.name == COMMAND_LINE:
            return COMMAND_LINE
        line = self.place.key[0] if self.place.key else self.place.line
        return f"{self.layer.name}:{line}"


class Provenance:
    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self._by_top: dict[tuple[str, ...], list[Layer]] = {}
        for layer in layers:
            self._by_top.setdefault(layer.at[:2], []).append(layer)
        self._order = {id(layer): number for number, layer in enumerate(self.layers)}

    def find(self, path: Path) -> Found | None:
        """The layer that said the value at `path`, or else the nearest value around it; None where none did."""
        candidates = self._reaching(path)
        for length in range(len(path), 0, -1):
            for layer in candidates:
                place = _lookup(layer, path[:length])
                if place is not None:
                    return Found(layer, place, length == len(path))
        return None

    def exact(self, paths: Iterable[Path]) -> Found | None:
        """The first of `paths` that some layer says itself."""
        for path in paths:
            found = self.find(path)
            if found and found.exact:
                return found
        return None

    def _reaching(self, path: Path) -> list[Layer]:
        tops = {tuple(str(part) for part in path[:length]) for length in range(min(2, len(path)) + 1)}
        reaching = [layer for top in tops for layer in self._by_top.get(top, ())]
        return sorted(reaching, key=lambda layer: -self._order[id(layer)])


def _lookup(layer: Layer, path: Path) -> SourceNode | None:
    if tuple(str(part) for part in path[: len(layer.at)]) != layer.at[: len(path)]:
        return None
    if len(path) < len(layer.at):
        return None
    place: SourceNode | None = layer.place
    for part in path[len(layer.at) :]:
        place = place.child(part) if place else None
    return place
