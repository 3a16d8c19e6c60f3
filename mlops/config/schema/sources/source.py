"""Say what every source shares.

Lives here: SourceSpec, FileSpec (a source that is a file, or several), and the choice of a source's model by its scheme.
Not here: one scheme's own fields (the other files of this room), what a pattern of lines may hold (pattern).
Law: a scheme that nobody brings is an error of the spec, before anything is planned.
"""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import GetJsonSchemaHandler, field_validator, model_validator
from pydantic_core import CoreSchema, core_schema

from mlops.config.schema.base import Column, FieldError, spec_field
from mlops.config.schema.by_name import Chosen, Entry, entries, load_entry
from mlops.config.schema.column_types import ColumnType
from mlops.config.schema.sources.pattern import group_names
from mlops.config.schema.units import Share
from mlops.errors import near
from mlops.extensions import SOURCE_SCHEMAS
from mlops.sources.files import file_format, format_in_folders
from mlops.sources.source import scheme_of

_OF_CSV = ("delimiter", "quote", "decimal", "thousands", "header", "encoding", "date_format", "timestamp_format")
_OPTIONS = {"CSV": _OF_CSV, "text": ("pattern", "unmatched", "encoding", "date_format", "timestamp_format"),
            "Excel": ("header", "sheet", "range")}  # fmt: skip
"""Format -> the options that files of it take, beyond those that files of every format take."""


class SourceSpec(Entry):
    """Where the rows of one table come from."""

    uri_begins: ClassVar[str | None] = None
    """Regular expression that fits the uris of this source and no others, for editors; None where none is given."""
    extra: ClassVar[str | None] = None
    """The extra of this package that reading it needs beside `data`; None where it needs none."""
    uri: str = spec_field(doc="`path/to/file.csv`, relative to the project, or `SCHEME://…`.")

    def reference(self) -> tuple[str, str] | None:
        """Return kind and name of the resource of the project that it reads; None where it reads none."""
        return None

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        made = handler(schema)
        if cls.uri_begins is not None:
            handler.resolve_ref_schema(made)["properties"]["uri"]["pattern"] = cls.uri_begins
        return made


class FileSpec(SourceSpec):
    """A file that holds one table, or several files that hold parts of it."""

    uri: str = spec_field(
        doc="`path/to/file.csv`, relative to the project, or `package://NAME/path/in/package`. A folder (`raw/`) or a "
        "pattern (`raw/**/*.csv`) is all its files, columns matched by name; folders `KEY=VALUE` become columns."
    )
    format: Literal["csv", "parquet", "json", "excel", "image"] | None = spec_field(
        None,
        doc="Default: by the ending (.csv, .csv.gz, .csv.zip, .parquet, .json, .jsonl, .xlsx, .png, .jpg, …). A folder of images is "
        "a table with a row for each: `image` (its bytes), `path`, `class` (the folder that it is in), `width`, `height` and `bytes`.",
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
        True,
        doc="`false` where the first line of a CSV file or a sheet is a row; the columns of CSV are column0, column1, …, those of Excel A1, B1, …",
    )
    encoding: str = spec_field("utf-8", doc="Of the text of a CSV file, such as cp1252, latin-1 or utf-16.")
    date_format: str | None = spec_field(
        None, doc="How a CSV file writes dates, such as `%d.%m.%Y`. Default: found out.", min_length=1
    )
    timestamp_format: str | None = spec_field(
        None, doc="How a CSV file writes timestamps, such as `%d.%m.%Y %H:%M`. Default: found out.", min_length=1
    )

    sheet: str | None = spec_field(None, doc="The sheet of an Excel workbook. Default: the first.", min_length=1)
    range: str | None = spec_field(
        None,
        doc="The cells of an Excel sheet that hold the table, such as `B3:F200`. Default: from the first row to the first that is "
        "empty.",
        pattern=r"^[A-Za-z]{1,3}[0-9]+:[A-Za-z]{1,3}[0-9]+$",
    )
    pattern: str | None = spec_field(
        None,
        doc=r"For files of lines, such as logs: a regular expression (RE2) whose named groups are the columns, such as "
        r"`'^(?P<time>\S+) (?P<level>[A-Z]+) (?P<text>.*)$'`. Each column is text where `types` says nothing else; a group "
        r"that `null` lists, as it does the empty text, is a missing value. Blank lines are passed over.",
        min_length=1,
    )
    unmatched: Share = spec_field(
        0.0,
        doc="The largest share of lines that may fail to match `pattern`; they are left out. Above it, preparation stops.",
    )

    def groups(self) -> tuple[str, ...]:
        """Return the names of the groups of `pattern`, in its order."""
        return group_names(self.pattern or "")

    def folder_format(self) -> str | None:
        """Return which files of a folder count, as `mlops.sources.files.format_in_folders` does."""
        return format_in_folders({"format": self.format, "pattern": self.pattern})

    def format_of(self, name: str) -> str | None:
        """Return the format of a file of this name; None where neither the source nor its ending says one."""
        return "text" if self.pattern is not None else self.format or file_format(name)

    def unfitting_option(self, format: str) -> str | None:
        """Return the first option that is given and that files of this format do not take; None where all fit."""
        fitting = next((options for kind, options in _OPTIONS.items() if kind.lower() == format), ())
        others = (option for options in _OPTIONS.values() for option in options if option not in fitting)
        fields = type(self).model_fields
        return next((option for option in others if getattr(self, option) != fields[option].default), None)

    @field_validator("pattern")
    @classmethod
    def _with_groups(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            group_names(pattern)
        return pattern

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
        kind = self.format_of(self.uri)
        option = self.unfitting_option(kind) if kind else None
        if option is not None:
            raise FieldError(f"it is {option_of(option)}, and `{self.uri}` is {kind}; take it out", option)
        if self.thousands == self.decimal:
            raise FieldError(f"`{self.thousands}` cannot be the decimal mark too; say `decimal` as well", "thousands")
        if self.delimiter is not None and self.delimiter == self.quote:
            raise FieldError("fields cannot be quoted with what stands between them", "quote")
        return self

    @model_validator(mode="after")
    def _fitting_pattern(self) -> FileSpec:
        if self.pattern is None:
            if self.unmatched:
                raise FieldError("it belongs to `pattern`, which is missing", "unmatched")
            return self
        if self.format is not None:
            raise FieldError(f"`pattern` reads lines of text, and `format` says {self.format}; take one out", "format")
        names = self.groups()
        for field, columns in (("types", self.types), ("columns", self.columns or ())):
            for column in columns:
                if column not in names and f"{column}=" not in self.uri:
                    raise FieldError(f"`{column}` is no group of `pattern`", field, hint=near(column, names))
        for form, type_ in (("date_format", "date"), ("timestamp_format", "timestamp")):
            if getattr(self, form) is not None and type_ not in self.types.values():
                raise FieldError(f"no group has the type {type_}; say which in `types`", form)
        return self


def option_of(option: str) -> str:
    """Say which files take an option: "an option of CSV files"."""
    return f"an option of {' and '.join(kind for kind, options in _OPTIONS.items() if option in options)} files"


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
