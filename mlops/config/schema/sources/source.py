"""Say what every source shares.

Lives here: SourceSpec, FileSpec (a source that is a file, or several), and the choice of a source's model by its scheme.
Not here: one scheme's own fields (the other files of this room).
Law: a scheme that nobody brings is an error of the spec, before anything is planned.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import field_validator, model_validator
from pydantic_core import CoreSchema, core_schema

from mlops.config.schema.base import Column, FieldError, spec_field
from mlops.config.schema.by_name import Chosen, Entry, entries, load_entry
from mlops.config.schema.column_types import ColumnType
from mlops.extensions import SOURCE_SCHEMAS
from mlops.sources.files import file_format
from mlops.sources.source import scheme_of


class SourceSpec(Entry):
    """Where the rows of one table come from."""

    uri: str = spec_field(doc="`path/to/file.csv`, relative to the project, or `SCHEME://…`.")


class FileSpec(SourceSpec):
    """A file that holds one table, or several files that hold parts of it."""

    uri: str = spec_field(
        doc="`path/to/file.csv`, relative to the project, or `package://NAME/path/in/package`. A folder (`raw/`) or a "
        "pattern (`raw/**/*.csv`) is all its files, columns matched by name; folders `KEY=VALUE` become columns."
    )
    format: Literal["csv", "parquet", "json"] | None = spec_field(
        None, doc="Default: by the ending (.csv, .csv.gz, .csv.zip, .parquet, .json, .jsonl)."
    )
    columns: tuple[Column, ...] | None = spec_field(None, doc="Read only these columns.")
    types: dict[Column, ColumnType] = spec_field(
        {}, doc="Column -> type, where the values mislead: `{ zip: string }` keeps the zeros of 01234."
    )
    null: tuple[str, ...] = spec_field(("", "NA"), doc="Texts of a CSV file that mean a missing value.")
    delimiter: str | None = spec_field(
        None, doc="What stands between the fields of a CSV file. Default: found out.", min_length=1, max_length=4
    )
    quote: str | None = spec_field(
        None, doc='What stands around texts of a CSV file; `""` where nothing does. Default: found out.', max_length=1
    )
    decimal: Literal[".", ","] = spec_field(".", doc="The decimal mark in the numbers of a CSV file.")
    thousands: Literal[",", ".", " ", "'", "_"] | None = spec_field(
        None, doc="What stands between the thousands in the numbers of a CSV file. Default: nothing."
    )
    header: bool = spec_field(
        True, doc="`false` where the first line of a CSV file is a row; the columns are column0, column1, …"
    )
    encoding: str = spec_field("utf-8", doc="Of the text of a CSV file, such as cp1252, latin-1 or utf-16.")
    date_format: str | None = spec_field(
        None, doc="How a CSV file writes dates, such as `%d.%m.%Y`. Default: found out.", min_length=1
    )
    timestamp_format: str | None = spec_field(
        None, doc="How a CSV file writes timestamps, such as `%d.%m.%Y %H:%M`. Default: found out.", min_length=1
    )

    def csv_options(self) -> list[str]:
        """Return the names of the options that are given and that CSV files alone take."""
        names = ("delimiter", "quote", "decimal", "thousands", "header", "encoding", "date_format", "timestamp_format")
        return [name for name in names if getattr(self, name) != type(self).model_fields[name].default]

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str) -> str:
        try:
            b"".decode(encoding)
            codecs.getincrementaldecoder(encoding)
        except (LookupError, ValueError) as error:
            raise FieldError(
                f"`{encoding}` is no encoding of text that Python knows; usual ones are utf-8, utf-16, cp1252 and latin-1"
            ) from error
        return encoding

    @model_validator(mode="after")
    def _fitting_options(self) -> FileSpec:
        given, kind = self.csv_options(), self.format or file_format(self.uri)
        if given and kind not in ("csv", None):
            raise FieldError(f"it is an option of CSV files, and `{self.uri}` is {kind}; take it out", given[0])
        if self.thousands == self.decimal:
            raise FieldError(f"`{self.thousands}` cannot be the decimal mark too; say `decimal` as well", "thousands")
        if self.delimiter is not None and self.delimiter == self.quote:
            raise FieldError("fields cannot be quoted with what stands between them", "quote")
        return self


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


BY_SCHEME = Chosen(_choose, _every, SOURCE_SCHEMAS)
