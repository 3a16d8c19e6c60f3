"""What can be told of conf/ alone.

Lives here: load_spec, composed_config, schema_text, write_schemas.
Not here: the world.
Law: nothing here looks beyond conf/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from mlops.address import Address
from mlops.config.load import load
from mlops.config.project import ProjectSpec
from mlops.errors import MlopsError


def load_spec(root: Path, overrides: Sequence[str] = ()) -> ProjectSpec:
    """Raises InvalidConfig with every problem at once."""
    return load(root, overrides=overrides)


def composed_config(root: Path, overrides: Sequence[str], addresses: Sequence[str], *, origins: bool = True) -> str:
    """One `path: value` a line, grouped by resource, with the place that said it."""
    spec = load_spec(root, overrides)
    chosen = [parse_address(text, spec.resources) for text in addresses] or sorted(spec.resources)
    out: list[str] = []
    for address in chosen:
        resource = spec.resources[address]
        rows = list(_flat(resource.inputs))
        width = min(max((len(f"{path}: {value}") for path, value in rows), default=0), 72)
        out.append(f"{address}")
        for path, value in rows:
            where = _origin(resource.origins, path) if origins else ""
            out.append(f"  {f'{path}: {value}':<{width}}  {where}".rstrip())
    return "\n".join(out)


def parse_address(text: str, known: Iterable[Address]) -> Address:
    """Raises MlopsError where no resource has this address; says which it may be."""
    import difflib

    names = [str(address) for address in known]
    if text in names:
        return Address.parse(text)
    near = difflib.get_close_matches(text, names, 1, 0.5)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(names[:12]) or 'none'}."
    raise MlopsError.of("no such resource", f"`{text}` is not the address of a resource.", hint=hint)


def schema_text(kind: str | None) -> str:
    from mlops.config.schema.json_schema import schemas

    all_of_them = schemas()
    if kind is not None and kind not in all_of_them:
        raise MlopsError.of("no such kind", f"`{kind}` is not a kind. There are: {', '.join(sorted(all_of_them))}.")
    return json.dumps(all_of_them if kind is None else all_of_them[kind], indent=2)


def write_schemas(root: Path) -> Sequence[Path]:
    from mlops.config.schema import json_schema as schema

    return schema.write_schemas(root)


def _flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [row for key, inner in value.items() for row in _flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    return [(prefix, value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False))]


def _origin(origins: object, path: str) -> str:
    told: dict[str, str] = dict(origins)  # type: ignore[call-overload]
    while path:
        if path in told:
            return told[path]
        path = path.rpartition(".")[0]
    return ""
