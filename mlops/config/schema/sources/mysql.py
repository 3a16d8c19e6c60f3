"""Say what a source in MySQL or MariaDB may say.

Lives here: MysqlSource.
Not here: what every database may say (database).
Law: options of the connection are those that DuckDB's reader knows.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import parse_qsl, urlsplit

from pydantic import field_validator

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.sources.database import DatabaseSpec
from mlops.errors import near

_OPTIONS = ("socket", "ssl_ca", "ssl_capath", "ssl_cert", "ssl_cipher", "ssl_crl", "ssl_crlpath", "ssl_key", "ssl_mode")


class MysqlSource(DatabaseSpec):
    """A table of MySQL or MariaDB, or the rows of a query."""

    extra: ClassVar[str | None] = "source-mysql"
    uri_begins: ClassVar[str | None] = r"^(mysql|mariadb)://"
    uri: str = spec_field(
        doc="`mysql://HOST:PORT/DATABASE`; options of the connection follow, such as `?ssl_mode=required`, or "
        "`?socket=/run/mysqld/mysqld.sock` for a Unix socket."
    )

    @field_validator("uri")
    @classmethod
    def _with_known_options(cls, uri: str) -> str:
        for name, _ in parse_qsl(urlsplit(uri).query, keep_blank_values=True):
            if name not in _OPTIONS:
                raise FieldError(f"`{name}` is no option of a connection that is taken here", hint=near(name, _OPTIONS))
        return uri
