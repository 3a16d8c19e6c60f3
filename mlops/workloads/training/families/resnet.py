"""Build a residual network of convolutions.

Lives here: ResnetFamily, Block and ResnetTrunk.
Not here: training it (network), what it may say (config.schema.families.resnet).
Law: the weights have the names that torchvision gives them, so that theirs can be read (network.transfer). He et al., Deep
Residual Learning for Image Recognition (2015).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from mlops.config.schema.families.resnet import Resnet
from mlops.workloads.training.families.network.picture import PictureFamily


class Block(nn.Module):
    """Two convolutions beside a way around them. `stride`: of the first."""

    def __init__(self, before: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample: nn.Module | None = None
        if stride != 1 or before != channels:
            around = nn.Conv2d(before, channels, 1, stride=stride, bias=False)
            self.downsample = nn.Sequential(around, nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = functional.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return functional.relu(out + (x if self.downsample is None else self.downsample(x)))


class ResnetTrunk(nn.Module):
    """`small`: begins with one convolution of 3 × 3 at full size, rather than with 7 × 7 and a pooling."""

    def __init__(self, before: int, channels: Sequence[int], blocks: Sequence[int], *, small: bool) -> None:
        super().__init__()
        first = channels[0]
        kernel, stride = (3, 1) if small else (7, 2)
        self.conv1 = nn.Conv2d(before, first, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, stride=2, padding=1)
        self._stages = [f"layer{place + 1}" for place in range(len(channels))]
        before = first
        for place, (name, wide, count) in enumerate(zip(self._stages, channels, blocks, strict=True)):
            made = [
                Block(before if position == 0 else wide, wide, 2 if position == 0 and place > 0 else 1)
                for position in range(count)
            ]
            self.add_module(name, nn.Sequential(*made))
            before = wide

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(functional.relu(self.bn1(self.conv1(x))))
        for name in self._stages:
            x = getattr(self, name)(x)
        return x.mean(dim=(2, 3))


class ResnetFamily(PictureFamily):
    def trunk(self, architecture: Resnet, shape: tuple[int, int, int]) -> tuple[nn.Module, int]:
        small = architecture.stem == "small"
        trunk = ResnetTrunk(shape[0], architecture.channels, architecture.blocks, small=small)
        return trunk, architecture.channels[-1]
