"""Say what the feature transform `passthrough` takes.

Lives here: Passthrough.
Not here: encoding (workloads.features.transforms.passthrough).
Law: the field's name is the transform's, and its default means that no column takes it.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.transforms.transform import ColumnList, TransformSpec


class Passthrough(TransformSpec):
    """Numbers stay what they are."""

    order: ClassVar[int] = 40
    always_written: ClassVar[bool] = True

    passthrough: ColumnList = spec_field((), doc="Numbers taken as they are; missing becomes 0.")
