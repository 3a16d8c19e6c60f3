"""Describe every field that may be said, for people.

Lives here: reference_pages, which reads the tables of schemas and metrics into pages of sections of fields.
Not here: drawing a page (render.reference), what editors read (json_schema).
Law: everything is read from the models and the tables, those of other packages too; nothing is written twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mlops.config.schema.base import NAME_PATTERN, SECRET
from mlops.config.schema.by_name import Entry, entries
from mlops.config.schema.category import Category
from mlops.config.schema.json_schema import Schema, schema_of
from mlops.config.schema.kinds import order_of
from mlops.config.schema.units import FORMATS
from mlops.extensions import KIND_SCHEMAS, METRICS, TABLES, Table
from mlops.metrics.metric import Metric
from mlops.metrics.table import metric_named
from mlops.metrics.task import Task

_TYPES = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_SHAPE = ("enabled", "defaults", "for_each")
"""Fields that say which resources there are, and not what one of them is: a change of theirs means what follows from it."""
_PATTERNS = {NAME_PATTERN: "name", SECRET: "`${secret:NAME_PATTERN}`"}


@dataclass(frozen=True)
class FieldEntry:
    """One field. `path`: as an override writes it, with `<name>` for a key and `[]` for an item of a list. `unit`: how the
    quantity is written. `category`: what a change means. `table`: the page of the entries that the value is one of."""

    path: str
    type: str
    default: str
    category: str
    doc: str
    unit: str = ""
    refers: str = ""
    table: str = ""


@dataclass(frozen=True)
class Section:
    """One entry of a table, or a kind. `package`: what brings it; empty for a built-in."""

    name: str
    text: str
    package: str = ""
    fields: tuple[FieldEntry, ...] = ()


@dataclass(frozen=True)
class MetricEntry:
    """One metric. `headline`: the tasks that it stands for. `worse`: by how much a live model is worse when that is a finding."""

    name: str
    tasks: tuple[str, ...]
    better: str
    splits: tuple[str, ...]
    headline: tuple[str, ...]
    worse: str
    doc: str


@dataclass(frozen=True)
class Page:
    """One page. `used_by`: the fields whose value is an entry of this table."""

    name: str
    noun: str
    sections: tuple[Section, ...] = ()
    metrics: tuple[MetricEntry, ...] = ()
    used_by: tuple[str, ...] = ()


@dataclass
class _Uses:
    """Which fields take entries of a table, and what a change of them means. Group -> path -> category."""

    found: dict[str, dict[str, str]] = field(default_factory=dict)

    def note(self, group: str, path: str, category: str) -> None:
        self.found.setdefault(group, {})[path] = category


def reference_pages() -> tuple[Page, ...]:
    """Return a page for the project, for each kind in the order of its use, and for each table of schemas. Raises MlopsError
    for a package that does not fit."""
    uses = _Uses()
    kinds = sorted(KIND_SCHEMAS.names(), key=lambda kind: (order_of(kind), kind))
    pages = [_kind_page("project", uses), *(_kind_page(kind, uses) for kind in kinds)]
    tables = [table for table in TABLES if table.group.endswith(".schema") and table is not KIND_SCHEMAS]
    return (*pages, *(_table_page(table, uses) for table in tables), _metrics_page())


def page_name(group: str) -> str:
    """Return the name of a table's page: `sources` of `mlops.sources.schema`."""
    return group.removesuffix(".schema").rpartition(".")[2]


def _kind_page(kind: str, uses: _Uses) -> Page:
    schema = schema_of(kind)
    package = "" if kind == "project" else KIND_SCHEMAS.package(kind)
    walk = _Walk(schema, uses, "" if kind == "project" else kind)
    category = "" if kind == "project" else Category.METADATA
    fields = tuple(walk.below(schema, "", category))
    if group := schema.get("x-table"):
        uses.note(group, kind, category)
    return Page(kind, "project" if kind == "project" else "kind", (Section(kind, _text(schema), package, fields),))


def _table_page(table: Table, uses: _Uses) -> Page:
    used = uses.found.get(table.group, {})
    category = next(iter(used.values()), "")
    sections = []
    for name, model in entries(table, Entry, table.names()).items():
        schema = model.model_json_schema(by_alias=True)
        fields = tuple(_Walk(schema, _Uses(), "").below(schema, "", category))
        sections.append(Section(name, _text(schema), table.package(name), fields))
    return Page(page_name(table.group), table.noun, tuple(sections), used_by=tuple(used))


def _metrics_page() -> Page:
    metrics = [metric_named(name) for name in METRICS.names()]
    found = tuple(
        MetricEntry(
            metric.name, _in_order(metric.tasks), {"max": "higher", "min": "lower"}.get(metric.direction, "neither"),
            metric.splits, _in_order(metric.headline),
            _worse(metric), metric.doc,
        )
        for metric in metrics
    )  # fmt: skip
    return Page("metrics", METRICS.noun, metrics=found, used_by=("model.gates",))


def _in_order(tasks: Iterable[Task]) -> tuple[str, ...]:
    return tuple(str(task) for task in Task if task in tasks)


def _worse(metric: Metric) -> str:
    allowed = next(iter(metric.drift.values()), None)
    if allowed is None:
        return ""
    return f"{allowed.by * 100:g}% of its value" if allowed.relative else f"{allowed.by:g}"


def _text(schema: Schema) -> str:
    return " ".join(str(schema.get("description", "")).split())


@dataclass
class _Walk:
    """Walks through one JSON Schema. `kind`: whose fields these are, for `uses`."""

    root: Schema
    uses: _Uses
    kind: str

    def below(
        self, schema: Schema, path: str, category: str, skip: frozenset[str] = frozenset()
    ) -> Iterator[FieldEntry]:
        """Yield the fields inside a value, each once, in the order of their definition."""
        done: set[str] = set()
        for candidate in self._alternatives(schema):
            required = candidate.get("required", ())
            for name, one in candidate.get("properties", {}).items():
                if name not in skip and name not in done:
                    done.add(name)
                    yield from self._field(one, f"{path}{name}", category, needed=name in required)

    def _field(self, schema: Schema, path: str, category: str, *, needed: bool) -> Iterator[FieldEntry]:
        category = "" if path in _SHAPE else str(schema.get("x-change", category))
        inner, suffix = self._inside(schema)
        group = str(inner.get("x-table", ""))
        if group and self.kind:
            self.uses.note(group, f"{self.kind}.{path}{suffix}", category)
        yield FieldEntry(
            path=path,
            type=self._type(schema),
            default="needed" if needed else self._default(schema),
            category=category,
            doc=_text(schema),
            unit=self._unit(schema),
            refers=str(schema.get("x-refers", "")),
            table=page_name(group) if group else "",
        )
        yield from self.below(inner, f"{path}{suffix}.", category, _brought(group))

    def _alternatives(self, schema: Schema) -> Iterator[Schema]:
        if "$ref" in schema:
            yield from self._alternatives(self.root["$defs"][schema["$ref"].rpartition("/")[2]])
            return
        yield schema
        for keyword in ("anyOf", "oneOf", "allOf"):
            for one in schema.get(keyword, ()):
                yield from self._alternatives(one)

    def _inside(self, schema: Schema) -> tuple[Schema, str]:
        """Return the schema of what a list or a mapping holds, and how its place is written; else the schema itself."""
        for one in self._alternatives(schema):
            if isinstance(one.get("additionalProperties"), dict) and not one.get("properties"):
                return one["additionalProperties"], ".<name>"
            if isinstance(one.get("items"), dict):
                return one["items"], "[]"
        return schema, ""

    def _unit(self, schema: Schema) -> str:
        inner, _ = self._inside(schema)
        return next((str(one["x-unit"]) for one in self._alternatives(inner) if "x-unit" in one), "")

    def _type(self, schema: Schema) -> str:
        if "$ref" in schema:
            return self._type(self.root["$defs"][schema["$ref"].rpartition("/")[2]])
        if "x-table" in schema and "x-unit" not in schema:
            return "mapping"
        choices = [
            one for keyword in ("anyOf", "oneOf") for one in schema.get(keyword, ()) if one.get("type") != "null"
        ]
        if choices:
            return " or ".join(dict.fromkeys(map(self._type, choices)))
        if "x-unit" in schema:
            return str(schema["x-unit"])
        if "const" in schema or "enum" in schema:
            return " or ".join(f"`{_shown(one)}`" for one in schema.get("enum", [schema.get("const")]))
        return self._plain(schema)

    def _plain(self, schema: Schema) -> str:
        match schema.get("type"):
            case "array" if "prefixItems" in schema:
                return f"[{', '.join(map(self._type, schema['prefixItems']))}]"
            case "array":
                inner = schema.get("items") or {}
                return f"list of {self._type(inner)}" if inner else "list"
            case "object" if isinstance(schema.get("additionalProperties"), dict) and not schema.get("properties"):
                return f"mapping of names to {self._type(schema['additionalProperties'])}"
            case "object":
                return "mapping"
            case "string" if schema.get("format"):
                return {"date": "date", "date-time": "timestamp"}.get(schema["format"], "text")
            case "string":
                return _PATTERNS.get(schema.get("pattern", ""), "text")
            case str(kind):
                return _TYPES.get(kind, kind) + _bounds(schema)
            case list(kinds):
                return " or ".join(_TYPES.get(str(kind), str(kind)) for kind in kinds)
            case _:
                return "anything"

    def _default(self, schema: Schema) -> str:
        default = schema.get("default")
        if default in (None, "", [], {}):
            return "none"
        if isinstance(default, Mapping) and any("properties" in one for one in self._alternatives(schema)):
            return "as below"
        written = FORMATS.get(self._unit(schema))
        if written and isinstance(default, list):
            return f"`[{', '.join(map(written, default))}]`"
        return f"`{_shown(written(default) if written and not isinstance(default, str) else default)}`"


def _brought(group: str) -> frozenset[str]:
    """Return the fields that the entries of a table bring, which stand on the table's own page."""
    table = next((one for one in TABLES if one.group == group), None)
    if table is None:
        return frozenset()
    models = entries(table, Entry, table.names()).values()
    return frozenset(info.alias or name for model in models for name, info in model.model_fields.items())


def _bounds(schema: Mapping[str, Any]) -> str:
    low = next(
        (
            f" {word} {schema[key]:g}"
            for key, word in (("minimum", "from"), ("exclusiveMinimum", "above"))
            if key in schema
        ),
        "",
    )
    high = next(
        (
            f" {word} {schema[key]:g}"
            for key, word in (("maximum", "to"), ("exclusiveMaximum", "below"))
            if key in schema
        ),
        "",
    )
    return low + high


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
