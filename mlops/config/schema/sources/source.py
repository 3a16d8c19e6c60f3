"""Say what every source shares.

Lives here: SourceSpec, FileSpec (a source that is one file), and the choice of a source's model by its scheme.
Not here: one scheme's own fields (the other files of this room).
Law: a scheme that nobody brings is an error of the spec, before anything is planned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic_core import CoreSchema, core_schema

from mlops.config.schema.base import Column, FieldError, spec_field
from mlops.config.schema.by_name import Chosen, Entry, entries, load_entry
from mlops.extensions import SOURCE_SCHEMAS
from mlops.sources.source import scheme_of


class SourceSpec(Entry):
    """Where the rows of one table come from."""

    uri: str = spec_field(doc="`path/to/file.csv`, relative to the project, or `SCHEME://…`.")


class FileSpec(SourceSpec):
    """A file that holds one table."""

    uri: str = spec_field(doc="`path/to/file.csv`, relative to the project, or `package://NAME/path/in/package`.")
    format: Literal["csv", "parquet", "json"] | None = spec_field(
        None, doc="Default: by the ending (.csv, .csv.gz, .csv.zip, .parquet, .json, .jsonl)."
    )
    columns: tuple[Column, ...] | None = spec_field(None, doc="Read only these columns.")
    null: tuple[str, ...] = spec_field(("", "NA"), doc="Texts of a CSV file that mean a missing value.")


def _choose(value: Any) -> type[SourceSpec]:
    uri = value.get("uri") if isinstance(value, Mapping) else None
    if not isinstance(uri, str):
        return FileSpec
    scheme = scheme_of(uri)
    if scheme not in SOURCE_SCHEMAS:
        problem = SOURCE_SCHEMAS.unknown(scheme).problems[0]
        raise FieldError(problem.detail.rstrip("."), "uri", hint=problem.hint)
    return load_entry(SOURCE_SCHEMAS, scheme, SourceSpec)


def _every() -> CoreSchema:
    models = entries(SOURCE_SCHEMAS, SourceSpec, SOURCE_SCHEMAS.names()).values()
    return core_schema.union_schema([model.__pydantic_core_schema__ for model in models])


BY_SCHEME = Chosen(_choose, _every)
