"""Say what a file of the project may say.

Lives here: FileSource.
Not here: what every file may say (source).
Law: a uri without a scheme is a path, relative to the project.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.sources.source import FileSpec


class FileSource(FileSpec):
    """A file of the project."""

    uri_begins: ClassVar[str | None] = r"^(?!.*://)|^file://"
