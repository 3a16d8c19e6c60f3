"""Say what every network that looks at images shares.

Lives here: PictureSpec.
Not here: the networks (cnn, resnet), how images become numbers (transforms).
Law: columns that are no images join those that are, behind the layers that look at these.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.network import NetworkSpec

Width = Annotated[int, Field(ge=1)]


class PictureSpec(NetworkSpec):
    """A network that looks at images."""

    sees_images: ClassVar[bool] = True

    hidden: tuple[Width, ...] = spec_field((128,), doc="Width of each layer between what was seen and the prediction.")
    beside: tuple[Width, ...] = spec_field(
        (32,), doc="Width of each layer for the features that are no images, before they join the others."
    )
    dropout: float = spec_field(
        0.0, doc="Share of what was seen that is left out in each step of training.", ge=0, lt=1
    )
