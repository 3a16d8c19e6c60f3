"""Say what the feature transform `pixels` takes.

Lives here: Pixels.
Not here: encoding (workloads.features.transforms.pixels), images in files (image).
Law: the field's name is the transform's, and its default means that no column takes it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from mlops.config.schema.base import spec_field
from mlops.config.schema.column_types import NUMBERS
from mlops.config.schema.transforms.transform import ColumnList, TransformSpec

Length = Annotated[int, Field(ge=1)]


class Pixels(TransformSpec):
    """Each column is a pixel, and all of them together are one image."""

    order: ClassVar[int] = 60
    takes: ClassVar[frozenset[str]] = NUMBERS

    pixels: ColumnList = spec_field(
        (),
        doc="The pixels of one image, row by row, in the order in which they are listed; those of a pattern such as `pixel_*` in "
        "the order of the data. Missing becomes the darkest.",
    )
    pixel_shape: tuple[Length, Length] | tuple[Length, Length, Length] | None = spec_field(
        None, doc="Height and width of the image, or channels, height and width, one channel after another."
    )
    pixel_range: tuple[float, float] = spec_field(
        (0.0, 255.0), doc="The darkest and the lightest that a pixel can be; they become 0 and 1."
    )
