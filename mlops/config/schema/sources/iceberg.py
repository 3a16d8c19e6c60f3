"""Say what an Iceberg table may say.

Lives here: IcebergSource.
Not here: what Delta and Iceberg share (lake).
Law: the table lies in the project, or anywhere on this machine.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.sources.lake import LakeSpec


class IcebergSource(LakeSpec):
    """An Iceberg table."""

    extra: ClassVar[str | None] = "source-iceberg"
    uri_begins: ClassVar[str | None] = r"^iceberg://"
    scheme: ClassVar[str] = "iceberg"
    uri: str = spec_field(
        doc="`iceberg://path/to/table`, relative to the project. The folder of the table, which holds `metadata`, or one of the files `*.metadata.json` in there."
    )
