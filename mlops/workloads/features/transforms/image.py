"""Normalise images.

Lives here: ImageTransform, and the encoder that it learns.
Not here: decoding (images), which columns take it (config.schema.transforms.image).
Law: the graph begins with pixels, 0 to 255; each channel is normalised by two numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from mlops.config.schema.transforms.image import ImageFeature
from mlops.workloads.features.builder import GraphBuilder
from mlops.workloads.features.encoder import Encoder, RawColumn

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Means and deviations of red, green and blue, as torchvision's models take them."""
_IMAGENET_GREY = ((0.449,), (0.226,))


@dataclass(frozen=True)
class ImageEncoder(Encoder):
    """`shape`: channels, height, width. `means`, `deviations`: of each channel, in levels from 0 to 255."""

    shape: tuple[int, int, int] = (1, 1, 1)
    means: tuple[float, ...] = (0.0,)
    deviations: tuple[float, ...] = (255.0,)

    @property
    def width(self) -> int:
        channels, height, width = self.shape
        return channels * height * width

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.shape

    def add_nodes(self, graph: GraphBuilder) -> str:
        """Add what turns `[N, C, H, W]` UINT8 into FLOAT `[N, C * H * W]`; doubles would take eight times the memory."""
        levels = graph.add("Cast", [self.column], to=TensorProto.FLOAT)
        means, deviations = (
            graph.const(np.reshape(values, (1, -1, 1, 1)), np.float32) for values in (self.means, self.deviations)
        )
        normal = graph.add("Div", [graph.add("Sub", [levels, means]), deviations])
        return graph.add("Reshape", [normal, graph.const([-1, self.width], np.int64)])


class ImageTransform:
    """Learns the mean and the deviation of each channel."""

    def fit(self, column: RawColumn) -> ImageEncoder:
        feature = ImageFeature.model_validate(column.parameter)
        shape = (feature.channels, *feature.size)
        means, deviations = _levels(feature, column.values)
        return ImageEncoder(column.name, "image", column.type, shape, means, deviations)


def _levels(feature: ImageFeature, pixels: npt.NDArray[np.uint8]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    match feature.normalise:
        case "unit":
            return (0.0,) * feature.channels, (255.0,) * feature.channels
        case "imagenet":
            means, deviations = _IMAGENET if feature.channels == 3 else _IMAGENET_GREY
            return tuple(255 * mean for mean in means), tuple(255 * deviation for deviation in deviations)
    counts = [np.bincount(pixels[:, channel].reshape(-1), minlength=256) for channel in range(feature.channels)]
    levels = np.arange(256, dtype=np.float64)
    found = [float(count @ levels) / max(1, int(count.sum())) for count in counts]
    spread = [
        float(np.sqrt(count @ (levels - mean) ** 2 / max(1, int(count.sum()))))
        for count, mean in zip(counts, found, strict=True)
    ]
    return tuple(found), tuple(deviation or 1.0 for deviation in spread)
