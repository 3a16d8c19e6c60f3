"""Say what a Delta table may say.

Lives here: DeltaSource.
Not here: what Delta and Iceberg share (lake).
Law: the table lies in the project, or anywhere on this machine.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.sources.lake import LakeSpec


class DeltaSource(LakeSpec):
    """A Delta table."""

    extra: ClassVar[str | None] = "source-delta"
    uri_begins: ClassVar[str | None] = r"^delta://"
    scheme: ClassVar[str] = "delta"
    uri: str = spec_field(
        doc="`delta://path/to/table`, relative to the project. The folder of the table, which holds `_delta_log`."
    )
