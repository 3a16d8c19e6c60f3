"""Say what a file of an installed package may say.

Lives here: PackageSource.
Not here: what every file may say (source).
Law: the package is named, and never imported.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.sources.source import FileSpec


class PackageSource(FileSpec):
    """A file inside an installed Python package."""

    uri_begins: ClassVar[str | None] = r"^package://"
