"""Say what a residual network of convolutions may say.

Lives here: Resnet.
Not here: building it (workloads.training.families.resnet).
Law: `stem: large` and `channels: [64, 128, 256, 512]` are the networks of torchvision, with their names of weights.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import model_validator

from mlops.config.schema.base import FieldError, spec_field
from mlops.config.schema.families.picture import PictureSpec, Width


class Resnet(PictureSpec):
    """A residual network of convolutions."""

    order: ClassVar[int] = 50

    name: Literal["resnet"] = spec_field(doc="The family.")
    channels: tuple[Width, ...] = spec_field(
        (16, 32, 64),
        doc="Channels of each stage; before each but the first, height and width are halved.",
        min_length=1,
    )
    blocks: tuple[Width, ...] = spec_field((1, 1, 1), doc="Residual blocks of each stage.", min_length=1)
    stem: Literal["small", "large"] = spec_field(
        "small",
        doc="`small`: one convolution of 3 × 3, for images of some dozens of pixels. `large`: one of 7 × 7 and a pooling, which "
        "quarter height and width, as ResNet-18 has it.",
    )
    hidden: tuple[Width, ...] = spec_field((), doc="Width of each layer between what was seen and the prediction.")

    @model_validator(mode="after")
    def _as_many(self) -> Resnet:
        if len(self.blocks) != len(self.channels):
            raise FieldError(
                f"there are {len(self.channels)} stages by `channels`, and {len(self.blocks)} by `blocks`; say a number of "
                "blocks for each",
                "blocks",
            )
        return self
