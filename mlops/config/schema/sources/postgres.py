"""Say what a source in PostgreSQL may say.

Lives here: PostgresSource.
Not here: what every database may say (database).
Law: options of the connection are those of the uri that PostgreSQL itself knows.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import field_validator

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.sources.database import DatabaseSpec
from mlops.errors import near

_OPTIONS = ("application_name", "channel_binding", "connect_timeout", "host", "keepalives", "options", "port", "sslcert",
           "sslcrl", "sslkey", "sslmode", "sslrootcert", "target_session_attrs")  # fmt: skip


class PostgresSource(DatabaseSpec):
    """A table of PostgreSQL, or the rows of a query."""

    extra: ClassVar[str | None] = "source-postgres"
    uri_begins: ClassVar[str | None] = r"^postgres(ql)?://"
    uri: str = spec_field(
        doc="`postgres://HOST:PORT/DATABASE`; options of the connection follow, such as `?sslmode=require`, or "
        "`?host=/var/run/postgresql` for a Unix socket."
    )

    @field_validator("uri")
    @classmethod
    def _with_known_options(cls, uri: str) -> str:
        for name, _ in parse_qsl(urlsplit(uri).query, keep_blank_values=True):
            if name not in _OPTIONS:
                raise FieldError(f"`{name}` is no option of a connection that is taken here", hint=near(name, _OPTIONS))
        return uri
