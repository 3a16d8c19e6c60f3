"""Say what the feature transform `cyclic` takes.

Lives here: Cyclic.
Not here: encoding (workloads.features.transforms.cyclic).
Law: the field's name is the transform's, and its default means that no column takes it.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import Column, spec_field
from mlops.config.schema.transforms.transform import TransformSpec


class Cyclic(TransformSpec):
    """Numbers go round and round, such as hours."""

    order: ClassVar[int] = 30
    always_written: ClassVar[bool] = True

    cyclic: dict[Column, float] = spec_field({}, doc="Column -> period, encoded as sine and cosine.")
