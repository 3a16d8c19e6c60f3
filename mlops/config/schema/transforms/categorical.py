"""Say what the feature transform `categorical` takes.

Lives here: Categorical.
Not here: encoding (workloads.features.transforms.categorical).
Law: the field's name is the transform's, and its default means that no column takes it.
"""

from __future__ import annotations

from typing import ClassVar

from mlops.config.schema.base import spec_field
from mlops.config.schema.column_types import EVERY_TYPE
from mlops.config.schema.transforms.transform import ColumnList, TransformSpec


class Categorical(TransformSpec):
    """Values get a slot each."""

    order: ClassVar[int] = 20
    takes: ClassVar[frozenset[str]] = EVERY_TYPE
    is_categorical: ClassVar[bool] = True
    always_written: ClassVar[bool] = True

    categorical: ColumnList = spec_field(
        (), doc='One-hot; an unseen value has a slot of its own. `"*"`: all texts and booleans.'
    )
    max_categories: int = spec_field(
        200, doc="The most frequent values of a categorical column that keep a slot; the rare ones share one.", ge=1
    )
