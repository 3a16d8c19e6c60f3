"""Read the overrides that stand after a command.

Lives here: Override, one override, and Overrides, all of them: values, the environment, experiments.
Not here: applying them (compose).
Law: an override says one value of one field; a sweep, a group or an unknown sign is refused, and quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops.config.compose.yaml_source import SourceNode
from mlops.config.project import COMMAND_LINE
from mlops.errors import FileLocation, InvalidConfig, Problem


@dataclass(frozen=True)
class Override:
    """One override. `text`: as it was typed. `path`: the field. `value`: None for a deletion too."""

    text: str
    path: tuple[str, ...]
    value: Any
    delete: bool = False

    def hydra_text(self) -> str:
        """Return the override in a form in which Hydra lets it set a field that no file says yet."""
        bare = self.text.lstrip("+~")
        return f"~{bare}" if self.delete else f"++{bare}"

    def source_node(self) -> SourceNode:
        """Return a mapping of the last part of the path to the value."""
        return SourceNode(1, 1, children={self.path[-1]: _source_node(self.value)})


@dataclass(frozen=True)
class Overrides:
    """Everything that the command line says: values of fields, the environment, the experiments."""

    values: tuple[Override, ...] = ()
    environment: str | None = None
    experiments: tuple[str, ...] = ()

    def hydra_texts(self) -> list[str]:
        return [override.hydra_text() for override in self.values]


def read_overrides(texts: Sequence[str]) -> Overrides:
    """Parse overrides as they were typed. Raises InvalidConfig for all that are none."""
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    parser = OverridesParser.create()
    values: list[Override] = []
    environment: str | None = None
    experiments: list[str] = []
    problems: list[Problem] = []
    for text in texts:
        try:
            parsed = parser.parse_override(text)
        except HydraException:
            problems.append(_refused(text, "it cannot be read"))
            continue
        name, value = parsed.key_or_group, None if parsed.is_delete() else parsed.value()
        if parsed.is_sweep_override() or parsed.package is not None:
            problems.append(_refused(text, "one value at a time; a list is written [a,b]"))
        elif name in ("env", "environment"):
            environment = str(value)
        elif name == "experiment":
            experiments.append(str(value))
        elif name.partition(".")[0] == "hydra":
            problems.append(_refused(text, "the composition itself is fixed"))
        else:
            values.append(Override(text, tuple(name.split(".")), value, parsed.is_delete()))
    if problems:
        raise InvalidConfig(*problems)
    return Overrides(tuple(values), environment, tuple(experiments))


def _refused(text: str, why: str) -> Problem:
    return Problem(
        "invalid override",
        f"`{text}` is not an override: {why}. Write KIND.NAME.FIELD=VALUE, env=NAME or +experiment=NAME, and quote "
        "what the shell would eat.",
        source=FileLocation(COMMAND_LINE),
    )


def _source_node(value: Any) -> SourceNode:
    if isinstance(value, dict):
        return SourceNode(1, 1, children={str(key): _source_node(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return SourceNode(1, 1, children=tuple(_source_node(inner) for inner in value))
    return SourceNode(1, 1, text=str(value))
