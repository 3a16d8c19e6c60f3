"""Build a network over windows of series.

Lives here: TemporalFamily, and its network.
Not here: training it (network), what it may say (config.schema.families.temporal), making windows (data.windows).
Law: a convolution sees no step newer than its own (Bai et al., 2018); each window is taken by its own mean and deviation, and
answered in them (Kim et al., Reversible Instance Normalization, 2022).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from mlops.config.schema.families.temporal import Temporal
from mlops.workloads.features.encoder import EncodedColumn
from mlops.workloads.stage import failed
from mlops.workloads.training.families.network.columns import ColumnNetworkFamily, LaidOut, Layout

_PAST = re.compile(r"(.*)_past_(\d+)")
_SMALL = 1e-3


class TemporalFamily(ColumnNetworkFamily):
    def layout(self, columns: Sequence[EncodedColumn], names: Sequence[Any]) -> Layout:
        """Return the past of each column, the oldest first, as `past_0`, which is that of the label, `past_1`…; and `beside`,
        the places of all others, flags of missing values too."""
        label = str(names[0]).removesuffix("_ahead_1")
        places: dict[str, dict[int, int]] = {}
        beside: list[int] = []
        for place, one in enumerate(columns):
            found = _PAST.fullmatch(one.column)
            if found and int(found[2]) not in (steps := places.setdefault(found[1], {})):
                steps[int(found[2])] = place
            else:
                beside.append(place)
        lengths = {len(steps) for steps in places.values()}
        whole = all(sorted(steps) == list(range(1, len(steps) + 1)) for steps in places.values())
        if label not in places or len(lengths) != 1 or not whole:
            raise failed(
                "no windows",
                f"The family `temporal` looks at the past of `{label}`, and `features.numeric` must list all of it, as "
                f'"{label}_past_*", and likewise of each other column that has a past.',
            )
        ordered = sorted(places, key=lambda column: column != label)
        past = {
            f"past_{number}": [places[column][step] for step in sorted(places[column], reverse=True)]
            for number, column in enumerate(ordered)
        }
        return {**past, "beside": beside}

    def build_laid_out(self, architecture: Temporal, layout: Layout, outputs: int) -> LaidOut:
        return TemporalNetwork(architecture, layout, outputs)


class TemporalNetwork(LaidOut):
    """`layout`: `past_0`, the places of the past of what is forecast, then of other columns; `beside`, all others."""

    def __init__(self, architecture: Temporal, layout: Layout, outputs: int) -> None:
        super().__init__(layout)
        self._past = [list(layout[name]) for name in sorted((n for n in layout if n != "beside"), key=_number)]
        self._beside, channels = list(layout["beside"]), architecture.channels
        inputs = [len(self._past), *[channels] * architecture.levels]
        self._reaches = [(architecture.kernel - 1) * 2**level for level in range(architecture.levels)]
        self.convolutions = nn.ModuleList(
            nn.Conv1d(before, channels, architecture.kernel, dilation=2**level)
            for level, before in enumerate(inputs[:-1])
        )
        self.dropped = nn.Dropout(architecture.dropout)
        steps = len(self._past[0])
        self.head = nn.Linear(channels + steps + len(self._beside), outputs)
        self.level = nn.Parameter(torch.tensor([1.0, 0.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        past = torch.stack([x[:, places] for places in self._past], dim=1)
        mean = past.mean(dim=2, keepdim=True)
        spread = torch.sqrt(((past - mean) ** 2).mean(dim=2, keepdim=True) + _SMALL)
        normal = (past - mean) / spread
        seen = normal
        for reach, convolution in zip(self._reaches, self.convolutions, strict=True):
            after = self.dropped(functional.relu(convolution(functional.pad(seen, (reach, 0)))))
            seen = after + seen if after.shape[1] == seen.shape[1] else after
        known = [seen[:, :, -1], normal[:, 0], *([x[:, self._beside]] if self._beside else [])]
        out: torch.Tensor = self.head(torch.cat(known, dim=1))
        return out * spread[:, 0] + mean[:, 0] * self.level[0] + self.level[1]


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])
