"""Say what a source in an SQLite file may say.

Lives here: SqliteSource.
Not here: what every table may say (database).
Law: the file lies in the project, or anywhere on this machine.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.sources.database import TableSpec


class SqliteSource(TableSpec):
    """A table of an SQLite file, or the rows of a query."""

    extra: ClassVar[str | None] = "source-sqlite"
    uri_begins: ClassVar[str | None] = r"^sqlite://"
    uri: str = spec_field(doc="`sqlite://path/to/file.db`, relative to the project. The file is pinned by its bytes.")
    version_query: None = spec_field(None, doc="Not for files: the bytes of the file pin its rows.")

    @field_validator("uri")
    @classmethod
    def _with_path(cls, uri: str) -> str:
        if not uri.removeprefix("sqlite://"):
            raise FieldError("it names no file; write `sqlite://path/to/file.db`")
        return uri
