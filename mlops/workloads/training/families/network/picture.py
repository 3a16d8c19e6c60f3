"""Look at images and other columns with one network.

Lives here: PictureNetwork, and PictureFamily, the base of the families that look at images.
Not here: what looks at the images (training.families.cnn, resnet), training (learn).
Law: what the graph of the features gives is cut into images and the rest inside the network, so that every stage sees one
table of numbers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from mlops.config.schema.families.picture import PictureSpec
from mlops.workloads.features.pictures import Picture
from mlops.workloads.stage import failed
from mlops.workloads.training.families.network.family import NetworkFamily


class PictureNetwork(nn.Module):
    """`trunk`: makes `[N, seen]` of `[N, C, H, W]`. `beside`: what the columns that are no images go through. `head`: predicts."""

    def __init__(
        self, trunk: nn.Module, seen: int, architecture: PictureSpec, *, pictures: Sequence[Picture], width: int, outputs: int
    ) -> None:  # fmt: skip
        super().__init__()
        self._pictures = tuple(pictures)
        self.trunk = trunk
        self._others = others_of(pictures, width)
        joined = seen
        if self._others:
            widths = (len(self._others), *architecture.beside)
            self.beside = nn.Sequential(*_layers(widths))
            joined += widths[-1]
        dropped = [nn.Dropout(architecture.dropout)] if architecture.dropout else []
        widths = (joined, *architecture.hidden)
        self.head = nn.Sequential(*dropped, *_layers(widths), nn.Linear(widths[-1], outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        images = [x[:, one.start : one.end].reshape(-1, *one.shape) for one in self._pictures]
        seen = self.trunk(images[0] if len(images) == 1 else torch.cat(images, dim=1))
        if self._others:
            seen = torch.cat([seen, self.beside(x[:, self._others])], dim=1)
        out: torch.Tensor = self.head(seen)
        return out


class PictureFamily(NetworkFamily):
    """A network that looks at images."""

    def build(self, architecture: Any, *, width: int, outputs: int) -> nn.Module:
        raise failed(
            "no images",
            f"The family `{architecture.name}` looks at images, and the data set has none among its features. List a column of "
            "images under features.image, columns of pixels under features.pixels, or choose another family.",
        )

    def make(self, architecture: Any, *, width: int, outputs: int, pictures: Sequence[Picture] = ()) -> nn.Module:
        if not pictures:
            return self.build(architecture, width=width, outputs=outputs)
        sizes = {picture.shape[1:] for picture in pictures}
        if len(sizes) > 1:
            named = ", ".join(sorted(f"{height} × {wide}" for height, wide in sizes))
            raise failed(
                "images do not fit together",
                f"The network looks at all images of a row at once, and theirs are of the sizes {named}. Give them one `size`.",
            )
        height, wide = sizes.pop()
        channels = sum(picture.shape[0] for picture in pictures)
        trunk, seen = self.trunk(architecture, (channels, height, wide))
        return PictureNetwork(trunk, seen, architecture, pictures=pictures, width=width, outputs=outputs)

    @abstractmethod
    def trunk(self, architecture: Any, shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
        """Return what makes `[N, seen]` of images of this shape (channels, height, width), and `seen`."""


def others_of(pictures: Sequence[Picture], width: int) -> list[int]:
    """Return the places of the numbers in a row that belong to no image."""
    inside = {place for picture in pictures for place in range(picture.start, picture.end)}
    return [place for place in range(width) if place not in inside]


def _layers(widths: Sequence[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return layers
