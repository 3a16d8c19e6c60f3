"""Make many resources from one file, and resolve what refers to other values.

Lives here: expand (`for_each`, `${each.key}`) and resolve (`${…}`).
Not here: composing files (compose), judging values (validate).
Law: `${secret:NAME}` and `${output:ADDRESS.NAME}` stay as they are written; nothing of the machine is read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlops.address import NAME
from mlops.config.compose.compose import Tree
from mlops.config.compose.provenance import Path, Provenance
from mlops.errors import Problem

_EACH = re.compile(r"\$\{each\.([A-Za-z_][\w.]*)\}")
_MACHINE = re.compile(r"\$\{\s*(oc\.env|oc\.decode|now|hydra|python_version)\b")


@dataclass(frozen=True)
class RawResource:
    """One resource before it is judged. `base`: the path of its file's content, of a resource that needs no file that of
    the resource that names it; `each`: that of its own part of `for_each`. `implied`: the fields that no file says."""

    kind: str
    name: str
    value: Any
    base: Path
    each: Path | None = None
    implied: tuple[str, ...] = ()

    def paths(self, path: Path) -> tuple[Path, ...]:
        """Return where the field at `path` may have been written, the nearest first."""
        shared = (*self.base, *path)
        return (shared,) if self.each is None else ((*self.each, *path), shared)


def expand(tree: Tree, kinds: tuple[str, ...], provenance: Provenance) -> tuple[list[RawResource], list[Problem]]:
    """Return every resource, those that `for_each` makes too, and the problems of the others."""
    raws: list[RawResource] = []
    problems: list[Problem] = []
    for kind in kinds:
        for name, value in (tree.get(kind) or {}).items():
            base: Path = (kind, name)
            if not isinstance(value, dict) or "for_each" not in value:
                raws.append(RawResource(kind, name, value, base))
                continue
            shared = {key: inner for key, inner in value.items() if key != "for_each"}
            items = _items(value["for_each"])
            if items is None:
                found = provenance.find((*base, "for_each"))
                problems.append(
                    Problem(
                        "invalid for_each",
                        "`for_each` is a mapping of names to what differs, or a list of names.",
                        address=f"{kind}.{name}",
                        source=found.source() if found else None,
                    )
                )
                continue
            for key, own in items:
                problem = _invalid_name(kind, name, key, (*base, "for_each", key), provenance)
                if problem:
                    problems.append(problem)
                    continue
                merged = _each(_merged(shared, own), {"key": key, **own})
                raws.append(RawResource(kind, f"{name}-{key}", merged, base, (*base, "for_each", key)))
    return raws, [*problems, *_duplicates(raws, provenance)]


def _items(value: Any) -> list[tuple[str, Tree]] | None:
    if isinstance(value, list):
        return [(str(key), {}) for key in value]
    if isinstance(value, dict) and all(isinstance(own, dict) or own is None for own in value.values()):
        return [(str(key), own or {}) for key, own in value.items()]
    return None


def _invalid_name(kind: str, name: str, key: str, path: Path, provenance: Provenance) -> Problem | None:
    if NAME.fullmatch(f"{name}-{key}"):
        return None
    found = provenance.find(path)
    return Problem(
        "invalid name",
        f"`{name}-{key}` would name the {kind}; a name has lower-case letters, digits and hyphens, at most 63.",
        address=f"{kind}.{name}",
        source=found.source(key=True) if found else None,
    )


def _duplicates(raws: list[RawResource], provenance: Provenance) -> Iterator[Problem]:
    first: dict[tuple[str, str], RawResource] = {}
    for raw in raws:
        other = first.setdefault((raw.kind, raw.name), raw)
        if other is not raw:
            found = provenance.find(raw.each or raw.base)
            yield Problem(
                "duplicate resource",
                f"{raw.kind}.{raw.name} is defined twice: here and in conf/{other.kind}/{other.base[1]}.yaml. "
                "Rename one of them.",
                source=found.source(key=True) if found else None,
            )


def _merged(shared: Any, own: Any) -> Any:
    if isinstance(shared, dict) and isinstance(own, dict):
        return {**shared, **{key: _merged(shared.get(key), value) for key, value in own.items()}}
    return own


def _each(value: Any, variables: Tree) -> Any:
    if isinstance(value, dict):
        return {key: _each(inner, variables) for key, inner in value.items()}
    if isinstance(value, list):
        return [_each(inner, variables) for inner in value]
    if isinstance(value, str):
        return _EACH.sub(lambda found: str(variables.get(found[1], found[0])), value)
    return value


def resolve(
    tree: Tree, raws: list[RawResource], kinds: tuple[str, ...], provenance: Provenance
) -> tuple[Tree, list[RawResource], list[Problem]]:
    """Return the project's own fields, the resources, and problems. Every `${…}` is filled in but secrets and outputs."""
    whole: Tree = {key: value for key, value in tree.items() if key not in kinds}
    for raw in raws:
        whole.setdefault(raw.kind, {})[raw.name] = raw.value
    problems = [
        _problem("value of the machine", f"`{text}` differs from machine to machine, so what is planned here would not "
                 "be what runs elsewhere. Write the value, or ${secret:NAME} for a secret.", path, provenance)
        for path, text in _texts(whole, ()) if _MACHINE.search(text)
    ]  # fmt: skip
    if problems:
        return {}, [], problems
    for resolver in ("secret", "output"):
        OmegaConf.register_new_resolver(resolver, _kept(resolver), replace=True)
    config = OmegaConf.create(whole)
    resolved: list[RawResource] = []
    for raw in raws:
        try:
            value = raw.value
            if isinstance(value, dict | list):
                value = OmegaConf.to_container(config[raw.kind][raw.name], resolve=True)
            resolved.append(RawResource(raw.kind, raw.name, value, raw.base, raw.each))
        except OmegaConfBaseException as error:
            problems.append(_unresolved(error, raw, provenance))
    try:
        fields = {
            key: OmegaConf.to_container(OmegaConf.create({"v": config[key]}), resolve=True)
            for key in tree
            if key not in kinds
        }
    except OmegaConfBaseException as error:
        problems.append(_problem("unresolved reference", f"{_first(error)}.", (), provenance))
        fields = {}
    return {key: value["v"] for key, value in fields.items() if isinstance(value, dict)}, resolved, problems


def _kept(resolver: str) -> Any:
    return lambda *parts: f"${{{resolver}:{','.join(str(part) for part in parts)}}}"


def _first(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _unresolved(error: OmegaConfBaseException, raw: RawResource, provenance: Provenance) -> Problem:
    full = str(error.full_key or "")
    inside = tuple(int(p) if p.isdigit() else p for p in re.findall(r"[^.\[\]]+", full))[2:]
    found = provenance.exact(raw.paths(inside)) or provenance.find(raw.base)
    return Problem(
        "unresolved reference",
        f"{_first(error)}. A reference is ${{KIND.NAME.FIELD}}, or ${{.FIELD}} beside it.",
        address=f"{raw.kind}.{raw.name}",
        source=found.source() if found else None,
    )


def _problem(summary: str, detail: str, path: Path, provenance: Provenance) -> Problem:
    found = provenance.find(path) if path else None
    return Problem(summary, detail, source=found.source() if found else None)


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))
    elif isinstance(value, str):
        yield path, value
