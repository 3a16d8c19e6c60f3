"""Say what a network over windows of series may say.

Lives here: Temporal.
Not here: building it (workloads.training.families.temporal), making windows (config.schema.window).
Law: the defaults see a window of a hundred rows, and train on one core.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from mlops.config.schema.base import spec_field
from mlops.config.schema.families.network import NetworkSpec
from mlops.metrics.task import Task


class Temporal(NetworkSpec):
    """Dilated convolutions over the past of a series: it learns what differs from the window's own level and spread."""

    order: ClassVar[int] = 18
    tasks: ClassVar[tuple[Task, ...]] = (Task.FORECASTING,)
    default_lr: ClassVar[float] = 3e-3

    name: Literal["temporal"] = spec_field(doc="The family.")
    channels: int = spec_field(32, doc="How many numbers stand for each step of the past.", ge=1)
    levels: int = spec_field(
        3, doc="How many convolutions there are; each looks twice as far back as the one before.", ge=1, le=10
    )
    kernel: int = spec_field(3, doc="How many steps a convolution sees.", ge=2, le=15)
    dropout: float = spec_field(0.1, doc="Share of the units left out in each step of training.", ge=0, lt=1)
