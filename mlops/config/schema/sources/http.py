"""Say what a file behind a web address may say.

Lives here: HttpSource.
Not here: what every file may say (source), object stores (objects).
Law: a credential is the name of a secret, never a value.
"""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import field_validator

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.sources.source import FileSpec
from mlops.sources.remote_files import is_glob


class HttpSource(FileSpec):
    """A file behind a web address."""

    uri_begins: ClassVar[str | None] = r"^https?://"
    uri: str = spec_field(
        doc="`https://HOST/path/to/file.csv`, one file. Each plan asks its server for the ETag (or the time of the last "
        "change) and the size; a server that says neither is asked for the whole file. `${secret:NAME}` may stand in it, "
        "such as in a signature."
    )
    headers: dict[str, str] = spec_field(
        {}, doc="What to send with each request, such as `{ Authorization: 'Bearer ${secret:TOKEN}' }`."
    )

    @field_validator("uri")
    @classmethod
    def _one_file(cls, uri: str) -> str:
        try:
            parts = urlsplit(uri)
            _ = parts.port
        except ValueError as error:
            raise FieldError(f"it is no web address: {error}") from error
        if not parts.hostname:
            raise FieldError("it names no host; write `https://HOST/path/to/file.csv`")
        if parts.password is not None:
            raise FieldError("a password does not stand in a uri; say `headers`, with `${secret:NAME}`", hide=True)
        if is_glob(parts.path) or parts.path.endswith("/"):
            raise FieldError("a web server lists no files, so folders and patterns cannot be read; name one file")
        return uri

    @field_validator("headers")
    @classmethod
    def _with_secrets(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if name.lower() in ("authorization", "cookie", "x-api-key") and "${secret:" not in value:
                raise FieldError(
                    "it holds a credential, which does not stand in a file; write `${secret:NAME}`", name, hide=True
                )
            if any(character in name + value for character in "\r\n"):
                raise FieldError("a header has one line", name)
        return headers

    def format_of(self, name: str) -> str | None:
        """Return the format of the file; what follows `?` is not its name."""
        return super().format_of(name.partition("?")[0].partition("#")[0])
