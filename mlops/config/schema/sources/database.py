"""Say what a table or a query of a database may say.

Lives here: DatabaseSpec, which all databases share, and how its uri is judged.
Not here: one database's own fields (postgres, mysql, sqlite).
Law: a password is a reference to a secret, wherever it stands.
"""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from pydantic import field_validator, model_validator

from mlops.config.schema.base import Column, FieldError, SecretText, spec_field
from mlops.config.schema.column_types import ColumnType
from mlops.config.schema.sources.source import SourceSpec


class TableSpec(SourceSpec):
    """A table, or the rows of a query."""

    table: str | None = spec_field(
        None, doc="The table to read, such as `flights` or `reporting.flights`.", min_length=1
    )
    query: str | None = spec_field(
        None, doc="In place of `table`: a SELECT, in the SQL of the database, which carries it out.", min_length=1
    )
    version_query: str | None = spec_field(
        None,
        doc="A SELECT whose result changes where the rows do, such as `SELECT max(updated_at), count(*) FROM flights`. Each "
        "plan asks it. Default: the rows are read once and pinned by their content, until `--refresh-data`.",
        min_length=1,
    )
    columns: tuple[Column, ...] | None = spec_field(None, doc="Read only these columns.")
    types: dict[Column, ColumnType] = spec_field({}, doc="Column -> type, where the database's own misleads.")

    @model_validator(mode="after")
    def _one_of_both(self) -> TableSpec:
        if (self.table is None) == (self.query is None):
            raise FieldError("say either `table`, which is read whole, or `query`", "query" if self.query else "table")
        return self


class DatabaseSpec(TableSpec):
    """A table of a database server, or the rows of a query."""

    user: str | None = spec_field(None, doc="Who logs in; `${secret:NAME}` is allowed. Default: what the uri says.")
    password: SecretText | None = spec_field(None, doc="`${secret:NAME}`.")

    @field_validator("uri")
    @classmethod
    def _without_password(cls, uri: str) -> str:
        try:
            parts = urlsplit(uri)
            there = unquote(parts.path.strip("/"))
            _ = parts.port
        except ValueError as error:
            raise FieldError(f"it is no address of a database: {error}") from error
        if parts.password is not None or "password=" in parts.query:
            raise FieldError("a password does not stand in a uri; say `password: ${secret:NAME}`", hide=True)
        if not there or "/" in there:
            raise FieldError("it names no database; write SCHEME://HOST/DATABASE, the table under `table`")
        return uri
