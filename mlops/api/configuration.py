"""Answer what conf/ alone says.

Lives here: load_spec, composed_config, parse_address, schema_text, write_schemas, and the reference made of
them (reference_text, reference_files, write_reference).
Not here: what is recorded or observed (project, inspect).
Law: nothing here looks beyond conf/.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mlops.address import Address
from mlops.config.load import load
from mlops.config.project import ProjectSpec
from mlops.errors import MlopsError, near

REFERENCE_FOLDER = "docs/reference"


def load_spec(root: Path, overrides: Sequence[str] = ()) -> ProjectSpec:
    """Compose and judge conf/. Raises InvalidConfig with every problem at once."""
    return load(root, overrides=overrides)


def composed_config(root: Path, overrides: Sequence[str], addresses: Sequence[str], *, origins: bool = True) -> str:
    """Return one `path: value` a line, grouped by resource, with the place where it is written."""
    spec = load_spec(root, overrides)
    chosen = [parse_address(text, spec.resources) for text in addresses] or sorted(spec.resources)
    lines: list[str] = []
    for address in chosen:
        resource = spec.resources[address]
        rows = list(_flat(resource.inputs))
        width = min(max((len(f"{path}: {value}") for path, value in rows), default=0), 72)
        lines.append(f"{address}")
        for path, value in rows:
            where = _origin(resource.origins, path) if origins else ""
            lines.append(f"  {f'{path}: {value}':<{width}}  {where}".rstrip())
    return "\n".join(lines)


def parse_address(text: str, known: Iterable[Address]) -> Address:
    """Return the address that `text` names. Raises MlopsError where it is none of `known`, with the nearest of them."""
    names = [str(address) for address in known]
    if text in names:
        return Address.parse(text)
    hint = near(text, names) or f"There are: {', '.join(names[:12]) or 'none'}."
    raise MlopsError.of("no such resource", f"`{text}` is not the address of a resource.", hint=hint)


def schema_text(kind: str | None) -> str:
    """Return the JSON Schema of a kind or, for None, of all. Raises MlopsError for an unknown kind."""
    from mlops.config.schema.json_schema import schemas

    by_kind = schemas()
    if kind is not None and kind not in by_kind:
        raise MlopsError.of("no such kind", f"`{kind}` is not a kind. There are: {', '.join(sorted(by_kind))}.")
    return json.dumps(by_kind if kind is None else by_kind[kind], indent=2)


def write_schemas(root: Path) -> Sequence[Path]:
    """Write the JSON Schemas of conf/schema/, and return the paths of those that changed."""
    from mlops.config.schema.json_schema import write_schema_files

    return write_schema_files(root)


def reference_text(name: str | None) -> str:
    """Return a page of the reference as Markdown or, for None, its index. Raises MlopsError for an unknown page."""
    pages = reference_files()
    wanted = "README" if name is None else name
    if f"{wanted}.md" not in pages:
        known = [page.removesuffix(".md") for page in pages if page != "README.md"]
        raise MlopsError.of("no such page", f"`{name}` is no page of the reference. There are: {', '.join(known)}.")
    return pages[f"{wanted}.md"].rstrip("\n")


def reference_files() -> Mapping[str, str]:
    """Return the pages of the reference: name of the file -> Markdown. What other packages register stands among them."""
    from mlops.config.schema.reference import reference_pages
    from mlops.render.reference import render_index, render_page

    pages = reference_pages()
    return {"README.md": render_index(pages), **{f"{page.name}.md": render_page(page) for page in pages}}


def write_reference(root: Path) -> Sequence[Path]:
    """Write docs/reference/, and return the paths of the pages that changed. Pages of what is no more are removed."""
    folder = root / REFERENCE_FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    pages = reference_files()
    before = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.md")}
    for name in before.keys() - pages.keys():
        (folder / name).unlink()
    changed = sorted(name for name in before.keys() | pages.keys() if before.get(name) != pages.get(name))
    for name in pages.keys() & set(changed):
        (folder / name).write_text(pages[name], encoding="utf-8")
    return [folder / name for name in changed]


def _flat(value: object, prefix: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict) and value:
        return [row for key, inner in value.items() for row in _flat(inner, f"{prefix}.{key}" if prefix else str(key))]
    return [(prefix, value if isinstance(value, str) and "\n" not in value else json.dumps(value, ensure_ascii=False))]


def _origin(origins: object, path: str) -> str:
    by_path: dict[str, str] = dict(origins)  # type: ignore[call-overload]
    while path:
        if path in by_path:
            return by_path[path]
        path = path.rpartition(".")[0]
    return ""
