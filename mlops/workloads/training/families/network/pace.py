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
    """`batch_size`: in rows. `epochs`: at most. `patience`: epochs without a better value that end the training."""

    batch_size: int
    epochs: int
    patience: int

    @classmethod
    def of(cls, trainer: Trainer, rows: int) -> Pace:
        nearest = 2 ** round(math.log2(max(1, rows) / _BATCHES))
        size = trainer.batch_size or int(max(_SMALLEST, min(_LARGEST, nearest)))
        steps = math.ceil(rows / size) or 1
        epochs = trainer.max_epochs or max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, math.ceil(_STEPS / steps)))
        named = trainer.early_stopping.patience if trainer.early_stopping else None
        return cls(size, epochs, named or max(1, epochs // 2))
