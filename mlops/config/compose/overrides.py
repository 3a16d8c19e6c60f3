"""Read the overrides that stand after a command.

Lives here: Override, one override, and Overrides, all of them: values, the environment, experiments; split_override, which
finds the key of one.
Not here: composing with them (compose).
Law: an override says one value of one field; a sweep, a group or an unknown sign is refused, and quoted. A name with a dot or
a space stands in quotes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlops.config.compose.yaml_source import SourceNode
from mlops.config.project import COMMAND_LINE
from mlops.errors import FileLocation, InvalidConfig, Problem

_QUOTES = "\"'"
_QUOTED = re.compile(r"""["']""")
_PART = re.compile(r"""\"[^"]*\"|'[^']*'|[^."'=]+""")
_KEY = re.compile(r"""(?:"[^"]*"|'[^']*'|[^="'])*""")


@dataclass(frozen=True)
class Override:
    """One override. `text`: as it was typed. `path`: the field. `value`: None for a deletion too. `quoted`: a part of the path
    stands in quotes, which Hydra cannot read."""

    text: str
    path: tuple[str, ...]
    value: Any
    delete: bool = False
    quoted: bool = False

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
        """Return what Hydra composes with; the rest is set afterwards, by `set_quoted`."""
        return [override.hydra_text() for override in self.values if not override.quoted]

    def set_quoted(self, tree: dict[str, Any]) -> None:
        """Set what the overrides say whose names stand in quotes."""
        for override in self.values:
            if override.quoted:
                _set(tree, override)


def split_override(text: str) -> tuple[str, str | None]:
    """Return the key of an override and the text of its value, None where there is no `=`. A `=` in quotes is the key's."""
    key = _KEY.match(text)
    end = key.end() if key else 0
    return text[:end], text[end + 1 :] if text[end : end + 1] == "=" else None


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
        key, written = split_override(text)
        is_quoted = bool(_QUOTED.search(key))
        try:
            parts = _parts(key) if is_quoted else None
            parsed = parser.parse_override(_plain_text(text, written) if is_quoted else text)
        except (HydraException, ValueError):
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
            path = parts or tuple(name.split("."))
            values.append(Override(text, path, value, parsed.is_delete(), parts is not None))
    if problems:
        raise InvalidConfig(*problems)
    return Overrides(tuple(values), environment, tuple(experiments))


def _plain_text(text: str, value: str | None) -> str:
    """Return the override with a key that Hydra reads, so that it reads the value."""
    sign = text[: len(text) - len(text.lstrip("+~"))]
    return f"{sign}quoted.key" if value is None else f"{sign}quoted.key={value}"


def _parts(key: str) -> tuple[str, ...]:
    """Return the parts of a key. Raises ValueError where a quote does not end, or something stands beside it."""
    parts = [part[1:-1] if part[:1] in _QUOTES else part for part in _PART.findall(key.lstrip("+~"))]
    if not all(parts) or ".".join(_PART.findall(key.lstrip("+~"))) != key.lstrip("+~"):
        raise ValueError(key)
    return tuple(parts)


def _set(tree: dict[str, Any], override: Override) -> None:
    *above, last = override.path
    at = tree
    for part in above:
        inside = at.get(part)
        if not isinstance(inside, dict):
            inside = at[part] = {}
        at = inside
    if override.delete:
        at.pop(last, None)
    else:
        at[last] = override.value


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
