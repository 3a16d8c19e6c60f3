"""Find where a value was written.

Lives here: Layer (one file, or one override, with its position in the whole), Found, and Provenance, which finds the
layer whose value won.
Not here: merging values (compose).
Law: later layers win, lists as a whole, mappings key by key; the same rule that composition keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mlops.config.compose.yaml_source import SourceNode
from mlops.config.project import COMMAND_LINE
from mlops.errors import FileLocation

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Layer:
    """One file or override. `name`: the file, or `command line`. `at`: the path of its content in the whole. `group`: what
    it came in with: "project", a kind, "env", "experiment" or "command line"."""

    name: str
    at: tuple[str, ...]
    node: SourceNode
    group: str


@dataclass(frozen=True)
class Found:
    """The layer that says a value, and the node in it."""

    layer: Layer
    node: SourceNode
    exact: bool
    """False where the files say only a value around the one that was looked for."""

    def source(self, *, key: bool = False, line_only: bool = False) -> FileLocation:
        """Return the position. `key`: of the key rather than the value. `line_only`: without a column, so that the value is
        not quoted."""
        if self.layer.name == COMMAND_LINE:
            return FileLocation(COMMAND_LINE)
        node = self.node
        line, column, width = node.key if key and node.key else (node.line, node.column, node.width)
        return FileLocation(self.layer.name, line) if line_only else FileLocation(self.layer.name, line, column, width)

    def __str__(self) -> str:
        if self.layer.name == COMMAND_LINE:
            return COMMAND_LINE
        line = self.node.key[0] if self.node.key else self.node.line
        return f"{self.layer.name}:{line}"


class Provenance:
    """Where every value was written. `layers`: in the order of composition."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)
        self._by_top: dict[tuple[str, ...], list[Layer]] = {}
        for layer in layers:
            self._by_top.setdefault(layer.at[:2], []).append(layer)
        self._order = {id(layer): number for number, layer in enumerate(self.layers)}

    def find(self, path: Path) -> Found | None:
        """Return what says the value at `path`, or else the nearest value around it; None where nothing does."""
        candidates = self._reaching(path)
        for length in range(len(path), 0, -1):
            for layer in candidates:
                node = _lookup(layer, path[:length])
                if node is not None:
                    return Found(layer, node, length == len(path))
        return None

    def exact(self, paths: Iterable[Path]) -> Found | None:
        """Return what says the first of `paths` that any layer says itself."""
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
    node: SourceNode | None = layer.node
    for part in path[len(layer.at) :]:
        node = node.child(part) if node else None
    return node
