"""Have a network know its columns.

Lives here: ColumnNetworkFamily, the base of the families whose network treats columns each in its own way, and places, which
keeps numbers beside the weights.
Not here: one such network (training.families), training (learn).
Law: where the columns lie in a row is kept among the network's own weights, so that its file alone makes the network again.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import nn

from mlops.workloads.features.encoder import EncodedColumn
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import Fit, Fitted
from mlops.workloads.training.families.network.family import WEIGHTS, FittedNetwork, NetworkFamily

Layout = Mapping[str, list[int]]
"""Name -> places in a row, or sizes: what a network is made by."""
_LAYOUT = "layout_"


class LaidOut(nn.Module):
    """A network that keeps its layout among its weights, under names that begin with `layout_`."""

    def __init__(self, layout: Layout) -> None:
        super().__init__()
        for name, numbers in layout.items():
            self.register_buffer(f"{_LAYOUT}{name}", torch.tensor(numbers, dtype=torch.int64))


class ColumnNetworkFamily(NetworkFamily):
    """A family whose network is made by where its columns lie in a row."""

    _layout: Layout

    @abstractmethod
    def layout(self, columns: Sequence[EncodedColumn], names: Sequence[Any]) -> Layout:
        """Return what the network must know of the columns. `names`: what the numbers of a prediction stand for, as `Fit` has
        them. Raises MlopsError where they do not fit."""

    @abstractmethod
    def build_laid_out(self, architecture: Any, layout: Layout, outputs: int) -> LaidOut:
        """Return the network."""

    def build(self, architecture: Any, *, width: int, outputs: int) -> nn.Module:
        return self.build_laid_out(architecture, self._layout, outputs)

    def fit(self, fit: Fit) -> Fitted | None:
        self._layout = self.layout(fit.columns, fit.classes)
        return super().fit(fit)

    def load(self, folder: Path, description: Description) -> FittedNetwork:
        state = load_file(folder / WEIGHTS)
        self._layout = {key.removeprefix(_LAYOUT): state[key].tolist() for key in state if key.startswith(_LAYOUT)}
        return super().load(folder, description)
