"""Find the images among the numbers of a row.

Lives here: Picture, where one image lies in `features`, and pictures_of.
Not here: decoding (images), making the numbers (transforms).
Law: an image is a block of numbers side by side, one channel after another, each row by row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlops.config.schema.transforms.transform import read_features
from mlops.errors import MlopsError
from mlops.workloads.features.encoder import Encoder


@dataclass(frozen=True)
class Picture:
    """`start`: the first of its numbers in a row. `shape`: channels, height, width."""

    start: int
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> Picture:
        """Return what network.json says."""
        channels, height, width = written["shape"]
        return cls(int(written["start"]), (channels, height, width))

    @property
    def end(self) -> int:
        return self.start + math.prod(self.shape)


def pictures_of(schema: Mapping[str, Any], encoders: Sequence[Encoder]) -> tuple[Picture, ...]:
    """Return the images of a row. `schema`: data/NAME/schema.json. Raises MlopsError where columns do not make up an image."""
    found: list[Picture] = []
    start = 0
    pixels: list[int] = []
    for encoder in encoders:
        if encoder.kind == "image":
            channels, height, width = encoder.input_shape
            found.append(Picture(start, (channels, height, width)))
        elif encoder.kind == "pixels":
            pixels.append(start)
        start += encoder.width
    if pixels:
        found.append(Picture(pixels[0], _pixel_shape(schema, len(pixels))))
    return tuple(found)


def _pixel_shape(schema: Mapping[str, Any], count: int) -> tuple[int, int, int]:
    shape = read_features(schema["features"]).options_of("pixels")["pixel_shape"]
    if shape is None:
        side = math.isqrt(count)
        shape = (side, side)
    channels, height, width = shape if len(shape) == 3 else (1, *shape)
    if channels * height * width != count:
        said = f"{channels} × {height} × {width}" if channels > 1 else f"{height} × {width}"
        raise MlopsError.of(
            "pixels do not fit",
            f"features.pixels names {count:,} columns, and an image of {said} has {channels * height * width:,} pixels. Correct "
            "`pixel_shape`, which says height and width (or channels, height and width), or the columns.",
        )
    return channels, height, width
