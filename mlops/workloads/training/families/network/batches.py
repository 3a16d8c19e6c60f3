"""Give a network its rows, a slice at a time.

Lives here: TensorRows, Batch, and Batches, which Lightning takes as a loader.
Not here: what is done with a batch (learner), making numbers of raw rows (features).
Law: one seed, one order of rows, whatever the number of processes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from mlops.workloads.training.families.network.pace import slices_of
from mlops.workloads.training.families.network.ranks import Ranks


@dataclass(frozen=True)
class TensorRows:
    """`x`: `[N, W]` FLOAT. `y`: `[N]` FLOAT (binary, regression) or LONG (class numbers).

    `weights`: `[N]` FLOAT, how much each row counts, 1 on average over the train split; None where all count alike.
    """

    x: torch.Tensor
    y: torch.Tensor
    weights: torch.Tensor | None = None


class Batch(NamedTuple):
    """The rows of one step that this process takes. `whole`: how many all processes take together."""

    x: torch.Tensor
    y: torch.Tensor
    weights: torch.Tensor | None
    whole: int


class Batches:
    """Gives slices of tensors, in a new order each epoch. `slices`: where each begins and ends.

    Of each slice, the part of this rank; it can be empty.
    """

    def __init__(self, rows: TensorRows, size: int, seed: int, ranks: Ranks) -> None:
        self.rows, self.ranks = rows, ranks
        self._order = torch.Generator().manual_seed(seed)
        self._before = self._order.get_state()
        self._given = self._skipped = 0
        self.slices = slices_of(len(rows.x), size)

    def __len__(self) -> int:
        return len(self.slices)

    def __iter__(self) -> Iterator[Batch]:
        x, y, weights = self.rows.x, self.rows.y, self.rows.weights
        self._before = self._order.get_state()
        order, ranks = torch.randperm(len(x), generator=self._order), self.ranks
        self._given, self._skipped = self._skipped, 0
        for start, end in self.slices[self._given :]:
            part = order[start:end] if ranks.world == 1 else order[start:end][ranks.rank :: ranks.world]
            of_rows = None if weights is None else weights.index_select(0, part)
            self._given += 1
            yield Batch(x.index_select(0, part), y.index_select(0, part), of_rows, end - start)

    def state_dict(self) -> dict[str, Any]:
        """Return where in which order the next batch is."""
        if self._given in (0, len(self.slices)):
            return {"order": self._order.get_state(), "given": 0}
        return {"order": self._before, "given": self._given}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there. What iterates already and was not asked for a batch goes on from there too."""
        self._order.set_state(state["order"])
        self._skipped = state["given"]
