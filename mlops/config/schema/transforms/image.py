"""Say what the feature transform `image` takes.

Lives here: ImageColumns, and ImageFeature, what is said of one column of images.
Not here: decoding (workloads.features.images), encoding (workloads.features.transforms.image).
Law: the field's name is the transform's, and its default means that no column takes it.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlops.config.schema.base import Column, Strict, spec_field
from mlops.config.schema.column_types import IMAGES
from mlops.config.schema.transforms.transform import TransformSpec

Side = Annotated[int, Field(ge=1, le=4096)]


class ImageFeature(Strict):
    """How the images of one column become numbers."""

    size: tuple[Side, Side] = spec_field(doc="Height and width in pixels, to which every image is brought.")
    channels: Literal[1, 3] = spec_field(3, doc="1: grey. 3: red, green and blue.")
    fit: Literal["stretch", "crop", "pad"] = spec_field(
        "stretch",
        doc="What becomes of an image with other proportions: it is distorted, or its middle is cut out, or it is set on black.",
    )
    normalise: Literal["standard", "unit", "imagenet"] = spec_field(
        "standard",
        doc="`standard`: less the mean of the train split and divided by its deviation, each channel by itself. `unit`: 0 to 1. "
        "`imagenet`: by the means and deviations of ImageNet, as networks take it that were trained on that.",
    )


class ImageColumns(TransformSpec):
    """Images are decoded, brought to one size, and normalised."""

    order: ClassVar[int] = 50
    takes: ClassVar[frozenset[str]] = IMAGES

    image: dict[Column, ImageFeature] = spec_field(
        {}, doc="Column of images -> how they become numbers, such as `{ photo: { size: [32, 32] } }`."
    )
