"""Choose how many steps a network is trained by.

Lives here: Pace.
Not here: taking the steps (learner).
Law: what the trainer names is taken as it is; the rest follows from the number of rows alone, so it is equal in every run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from mlops.config.schema.training import Trainer

_STEPS = 2_000
_BATCHES = 64
_SMALLEST, _LARGEST = 32, 1_024
_FEWEST_EPOCHS, _MOST_EPOCHS = 5, 200


@dataclass(frozen=True)
class Pace:
    """`batch_size`: in rows. `batches`: of an epoch. `epochs`: at most. `patience`: epochs without a better value that end the
    training."""

    batch_size: int
    batches: int
    epochs: int
    patience: int

    @classmethod
    def of(cls, trainer: Trainer, rows: int) -> Pace:
        nearest = 2 ** round(math.log2(max(1, rows) / _BATCHES))
        size = trainer.batch_size or int(max(_SMALLEST, min(_LARGEST, nearest)))
        batches = len(slices_of(rows, size)) or 1
        epochs = trainer.max_epochs or max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, math.ceil(_STEPS / batches)))
        named = trainer.early_stopping.patience if trainer.early_stopping else None
        return cls(size, batches, epochs, named or max(1, epochs // 2))


def slices_of(rows: int, size: int) -> list[tuple[int, int]]:
    """Return where each batch of an epoch begins and ends. A row that would be a batch alone joins the batch before it,
    because a batch norm has nothing to normalise in one row."""
    starts = list(range(0, rows, size))
    if len(starts) > 1 and size > 1 and rows % size == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], rows], strict=True))
