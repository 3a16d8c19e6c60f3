"""Read the words after a command.

Lives here: Override, one override, and Overrides, all of them: values, the environment, experiments.
Not here: applying them (compose).
Law: an override says one value of one field; a sweep, a group or an unknown sign is refused with the word itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops.config.compose.yaml_source import SourceNode
from mlops.config.project import COMMAND_LINE
from mlops.errors import InvalidConfig, Problem, Source


@dataclass(frozen=True)
class Override:
    """`text`: as typed. `path`: the field. `value`: None for a deletion too."""

    text: str
    path: tuple[str, ...]
    value: Any
    delete: bool = False

    def override(self) -> str:
        """As Hydra takes it: a field that no file says yet may be said."""
        bare = self.text.lstrip("+~")
        return f"~{bare}" if self.delete else f"++{bare}"

    def place(self) -> SourceNode:
        """A mapping of the last part of the path to the value's place."""
        return SourceNode(1, 1, children={self.path[-1]: _place(self.value)})


@dataclass(frozen=True)
class Overrides:
    values: tuple[Override, ...] = ()
    environment: str | None = None
    experiments: tuple[str, ...] = ()

    def overrides(self) -> list[str]:
        return [word.override() for word in self.values]


def read_overrides(texts: Sequence[str]) -> Overrides:
    """Raises InvalidConfig for a word that is no override."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    values: list[Override] = []
    environment: str | None = None
    experiments: list[str] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            told = parser.parse_override(text)
        except HydraException:
            problems.append(_refused(text, "it cannot be read"))
            continue
        name, value = told.key_or_group, None if told.is_delete() else told.value()
        if told.is_sweep_override() or told.package is not None:
            problems.append(_refused(text, "one value at a time; a list is written [a,b]"))
        elif name in ("env", "environment"):
            environment = str(value)
        elif name == "experiment":
            experiments.append(str(value))
        elif name.partition(".")[0] == "hydra":
            problems.append(_refused(text, "the composition itself is fixed"))
        else:
            values.append(Override(text, tuple(name.split(".")), value, told.is_delete()))
    if problems:
        raise InvalidConfig(*problems)
    return Overrides(tuple(values), environment, tuple(experiments))


def _refused(text: str, why: str) -> Problem:
    return Problem(
        "invalid override",
        f"`{text}` is not an override: {why}. Write KIND.NAME.FIELD=VALUE, env=NAME or +experiment=NAME, and quote "
        "what the shell would eat.",
        source=Source(COMMAND_LINE),
    )


def _place(value: Any) -> SourceNode:
    if isinstance(value, dict):
        return SourceNode(1, 1, children={str(key): _place(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return SourceNode(1, 1, children=tuple(_place(inner) for inner in value))
    return SourceNode(1, 1, text=str(value))
