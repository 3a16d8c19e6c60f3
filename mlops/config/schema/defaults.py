"""Know what applies where a resource says nothing.

Lives here: default_of, the default of a field as people write it.
Not here: filling defaults in (config.effective), the models.
Law: read from the schemas, as what a change means is; where alternatives have different defaults there is no answer.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlops.config.schema.json_schema import Schema, alternatives, below_of, fits, schema_of
from mlops.config.schema.units import FORMATS


def default_of(name: str, path: str, data: Any) -> Any:
    """Return what applies at a dotted path that `data`, a resource of the kind `name`, leaves out; None where nothing
    does."""
    at: list[Schema] = [schema_of(name)]
    value, parts = data, path.split(".")
    for position, part in enumerate(parts):
        candidates = [one for schema in at for one in alternatives(name, schema) if fits(one, value)]
        at = [below for one in candidates for below in below_of(name, _alone(one), part)]
        if isinstance(value, Mapping) and value.get(part) is not None:
            value = value[part]
            continue
        found = [
            _inside(_as_written(name, one, one["default"]), parts[position + 1 :]) for one in at if "default" in one
        ]
        distinct = {json.dumps(one, sort_keys=True): one for one in found}
        return next(iter(distinct.values())) if len(distinct) == 1 else None
    return None


def _alone(schema: Schema) -> Schema:
    """Return the schema without its alternatives, which stand in the list themselves."""
    return {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "allOf", "$ref")}


def _inside(value: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _as_written(name: str, schema: Schema, default: Any) -> Any:
    """Return the default with its unit: a field's own default stands in the schema as it is after parsing."""
    if isinstance(default, list):
        items = schema.get("items")
        return [_as_written(name, items, one) for one in default] if isinstance(items, dict) else default
    if isinstance(default, bool) or not isinstance(default, int | float):
        return default
    unit = next((str(one["x-unit"]) for one in alternatives(name, schema) if "x-unit" in one), "")
    return FORMATS[unit](default) if unit in FORMATS else default
