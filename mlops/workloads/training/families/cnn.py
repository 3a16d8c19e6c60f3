"""Build a small network of convolutions.

Lives here: CnnFamily.
Not here: training it (network), what it may say (config.schema.families.cnn).
Law: each convolution is followed by its batch norm and its activation; what is left at the end is at most 4 × 4.
"""

from __future__ import annotations

from torch import nn

from mlops.config.schema.families.cnn import Cnn
from mlops.workloads.training.families.network.picture import PictureFamily

_LEFT = 4


class CnnFamily(PictureFamily):
    def trunk(self, architecture: Cnn, shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
        before, height, width = shape
        kernel = architecture.kernel
        layers: list[nn.Module] = []
        for channels in architecture.channels:
            for _ in range(architecture.depth):
                convolution = nn.Conv2d(before, channels, kernel, padding=kernel // 2, bias=False)
                layers += [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
                before = channels
            if min(height, width) > 1:
                layers.append(nn.MaxPool2d(2))
                height, width = height // 2, width // 2
        window = (-(-height // _LEFT), -(-width // _LEFT))
        if window != (1, 1):
            layers.append(nn.AvgPool2d(window))
            height, width = height // window[0], width // window[1]
        return nn.Sequential(*layers, nn.Flatten()), before * height * width
