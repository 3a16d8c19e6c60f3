"""Say what a small network of convolutions may say.

Lives here: Cnn.
Not here: building it (workloads.training.families.cnn).
Law: the defaults are a small network that trains on one core.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.picture import PictureSpec, Width


class Cnn(PictureSpec):
    """A small network of convolutions, for images of some dozens of pixels a side."""

    order: ClassVar[int] = 40

    name: Literal["cnn"] = spec_field(doc="The family.")
    channels: tuple[Width, ...] = spec_field(
        (32, 64), doc="Channels of each stage; after each, height and width are halved.", min_length=1
    )
    depth: int = spec_field(1, doc="Convolutions of each stage, each with a batch norm.", ge=1, le=8)
    kernel: Literal[1, 3, 5, 7] = spec_field(3, doc="Height and width of what a convolution looks at, in pixels.")
