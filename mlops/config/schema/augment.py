"""Say how the rows of training are varied.

Lives here: Augment, a section of a model.
Not here: varying them (workloads.training.families.network.augment).
Law: validation, evaluation and serving see every row as it is.
"""

from __future__ import annotations

from typing import Literal

from mlops.config.schema.base import Strict, spec_field
from mlops.config.schema.units import Share


class Augment(Strict):
    """Every step sees its images changed by chance, and no step sees the same; two of them may be mixed."""

    rotate: float = spec_field(0.0, doc="Images are turned by up to this many degrees, either way.", ge=0, le=180)
    scale: Share = spec_field(0.0, doc="Images are made larger or smaller by up to this share.")
    shift: Share = spec_field(0.0, doc="Images are moved by up to this share of their width and of their height.")
    crop: Share = spec_field(
        0.0, doc="Up to this share of width and height is cut off, anywhere around, and the rest fills the image."
    )
    flip: Literal["none", "horizontal", "vertical", "both"] = spec_field(
        "none", doc="Half of the images are mirrored: left and right, top and bottom, or each of these by itself."
    )
    noise: float = spec_field(
        0.0, doc="Deviation of what is added to each pixel; after normalising, where a deviation is about 1.", ge=0
    )
    brightness: Share = spec_field(0.0, doc="Images are made lighter or darker by up to this, after normalising.")
    contrast: Share = spec_field(0.0, doc="Differences from an image's mean grow or shrink by up to this share.")
    colour: Share = spec_field(
        0.0, doc="Differences of red, green and blue from grey grow or shrink by up to this share."
    )
    mix_up: float = spec_field(
        0.0,
        doc="Each row is blended with another of its step, and so is its loss: the parameter of the Beta distribution of the "
        "shares, such as 0.2. It is for every network, with images or without.",
        ge=0,
        le=10,
    )

    def image_fields(self) -> list[str]:
        """Return the fields that change images, and that are given."""
        fields = type(self).model_fields
        return [name for name in fields if name != "mix_up" and getattr(self, name) != fields[name].default]

    @property
    def changes_images(self) -> bool:
        """Say whether anything but mix-up is asked for."""
        return bool(self.image_fields())
