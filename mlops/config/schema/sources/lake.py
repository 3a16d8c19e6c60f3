"""Say what a table of a lake format may say: Delta and Iceberg.

Lives here: LakeSpec.
Not here: one format's own fields (delta, iceberg).
Law: which version is read follows from the fingerprint, so that a data set reads what was pinned, whatever came later.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import field_validator

from mlops.config.schema.base import Column, FieldError, spec_field
from mlops.config.schema.column_types import ColumnType
from mlops.config.schema.sources.source import SourceSpec


class LakeSpec(SourceSpec):
    """A table of files with versions."""

    scheme: ClassVar[str]
    columns: tuple[Column, ...] | None = spec_field(None, doc="Read only these columns.")
    types: dict[Column, ColumnType] = spec_field({}, doc="Column -> type, where the table's own misleads.")

    @field_validator("uri")
    @classmethod
    def _with_path(cls, uri: str) -> str:
        if not uri.removeprefix(f"{cls.scheme}://"):
            raise FieldError(f"it names no table; write `{cls.scheme}://path/to/table`")
        return uri
