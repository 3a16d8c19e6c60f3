"""Describe what may be said, for editors and for the tool itself.

Lives here: the JSON Schema of each kind, write_schema_files, category_of, and looking fields up in a schema.
Not here: the models.
Law: everything is read from the models; nothing is written twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mlops.config.schema.category import Category
from mlops.config.schema.kinds import model_of
from mlops.config.schema.project_file import ProjectFile
from mlops.extensions import KIND_SCHEMAS

Schema = Mapping[str, Any]
FOLDER = "conf/schema"
_ALSO = {
    "defaults": {
        "type": "array",
        "description": "Shared pieces to inherit from, in Hydra's way; `_self_` is this file.",
    },
    "for_each": {
        "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "string"}}],
        "description": "Makes many: NAME-KEY for each key, with what differs; `${each.key}` is the key.",
    },
}


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema (draft 2020-12) of each kind, and of `project`."""
    return {name: schema_of(name) for name in (*KIND_SCHEMAS.names(), "project")}


@cache
def schema_of(name: str) -> dict[str, Any]:
    """Return the JSON Schema of a kind, or of `project`."""
    model = ProjectFile if name == "project" else model_of(name)
    schema = model.model_json_schema(by_alias=True)
    for resource in () if name == "project" else _resources_of(schema):
        resource["properties"] = {**resource["properties"], **_ALSO}
        required = [field for field in resource.get("required", ()) if "x-unsaid" not in resource["properties"][field]]
        resource.pop("required", None)
        if required:
            resource["required"] = required
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _resources_of(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schema itself or, where a kind has targets, that of each."""
    if "properties" in schema:
        return [schema]
    return [schema["$defs"][one["$ref"].rpartition("/")[2]] for one in schema["oneOf"]]


def write_schema_files(root: Path) -> Sequence[Path]:
    """Write conf/schema/KIND.json of every kind that conf/ uses, and return the paths of those that changed."""
    written: list[Path] = []
    for name, schema in schemas().items():
        if name != "project" and not (root / "conf" / name).is_dir():
            continue
        path = root / FOLDER / f"{name}.json"
        text = json.dumps(schema, indent=2, sort_keys=True) + "\n"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            written.append(path)
    return written


@cache
def category_of(kind: str, path: str) -> Category:
    """Return what a change of the field at this dotted path means; inherited from the nearest field above that says so."""
    category = Category.METADATA
    at: list[Schema] = [schema_of(kind)]
    for part in path.split("."):
        at = [below for schema in at for below in below_of(kind, schema, part)]
        for schema in at:
            if "x-change" in schema:
                category = Category(schema["x-change"])
    return category


def below_of(name: str, schema: Schema, part: str | int) -> Iterator[Schema]:
    """Yield the schemas that a value inside one of `schema` may have."""
    for candidate in alternatives(name, schema):
        if str(part) in candidate.get("properties", {}):
            yield candidate["properties"][str(part)]
        elif isinstance(candidate.get("additionalProperties"), dict):
            yield candidate["additionalProperties"]
        elif str(part).isdigit() and isinstance(candidate.get("items"), dict):
            yield candidate["items"]


def alternatives(name: str, schema: Schema) -> Iterator[Schema]:
    """Yield the schema with its references followed, and each of its alternatives."""
    if "$ref" in schema:
        key = schema["$ref"].rpartition("/")[2]
        yield from alternatives(name, schema_of(name)["$defs"][key])
        return
    yield schema
    for keyword in ("anyOf", "oneOf", "allOf"):
        for inner in schema.get(keyword, ()):
            yield from alternatives(name, inner)


def fields_at(name: str, data: Any, path: Sequence[str | int]) -> tuple[str, ...]:
    """Return the names of the fields that a value at `path` may have; of alternatives, those whose constants fit `data`."""
    at: list[Schema] = [schema_of(name)]
    value = data
    for part in path:
        at = [below for schema in at for below in below_of(name, schema, part)]
        value = _inside(value, part)
    known: dict[str, None] = {}
    for schema in at:
        candidates = list(alternatives(name, schema))
        for candidate in [one for one in candidates if fits(one, value)] or candidates:
            known |= dict.fromkeys(candidate.get("properties", {}))
    return tuple(known)


def _inside(value: Any, part: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return None


def fits(schema: Schema, value: Any) -> bool:
    """Say whether the constants of the schema are those of the value, and its uri begins as the schema says; what is no
    mapping fits all."""
    if not isinstance(value, dict):
        return True
    fields = schema.get("properties", {})
    constants = {key: field["const"] for key, field in fields.items() if "const" in field}
    uri, form = value.get("uri"), fields.get("uri", {}).get("pattern")
    begins = form is None or not isinstance(uri, str) or re.search(form, uri) is not None
    return begins and all(value.get(key, const) == const for key, const in constants.items())
