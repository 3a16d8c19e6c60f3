"""Say what the feature transform `numeric` takes.

Lives here: Numeric.
Not here: encoding (workloads.features.transforms.numeric).
Law: the field's name is the transform's, and its default means that no column takes it.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.transforms.transform import ColumnList, TransformSpec


class Numeric(TransformSpec):
    """Numbers are standardised."""

    order: ClassVar[int] = 10
    always_written: ClassVar[bool] = True

    numeric: ColumnList = spec_field(
        (), doc='Standardised; missing becomes the median and sets a flag. `"*"`: all numbers.'
    )
