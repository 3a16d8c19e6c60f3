"""Take the mean of the weights on the way.

Lives here: Average, of each step (ema) or of the last epochs (swa).
Not here: when it is asked (learner).
Law: buffers, such as the means of a batch norm, are averaged as the weights are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from mlops.config.schema.training import Averaging


class Average:
    def __init__(self, spec: Averaging, network: nn.Module, epochs: int) -> None:
        self._spec, self._network = spec, network
        self._first = min(int(spec.start * epochs), epochs - 1)
        self._mean: list[torch.Tensor] = []
        self._count = 0

    def after_step(self) -> None:
        if self._spec.name == "ema":
            # The first steps count as if there were as many before them: a mean that begins at random weights is none.
            self._add(1 - min(self._spec.decay, (1 + self._count) / (10 + self._count)))

    def after_epoch(self, epoch: int) -> None:
        if self._spec.name == "swa" and epoch >= self._first:
            self._add(1 / (self._count + 1))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the network have the mean while inside, where there is one yet."""
        if not self._mean:
            yield
            return
        own = [one.detach().clone() for one in self._tensors()]
        self._copy(self._mean)
        try:
            yield
        finally:
            self._copy(own)

    def state(self) -> dict[str, Any]:
        return {"mean": self._mean, "count": self._count}

    def restore(self, state: Mapping[str, Any]) -> None:
        tensors = self._tensors()
        self._mean = [
            mean.to(own.device, own.dtype) for mean, own in zip(state["mean"], tensors, strict=bool(state["mean"]))
        ]
        self._count = state["count"]

    def _add(self, share: float) -> None:
        tensors = self._tensors()
        if self._mean:
            torch._foreach_lerp_(self._mean, tensors, share)
        else:
            self._mean = [one.detach().clone() for one in tensors]
        self._count += 1

    def _copy(self, values: list[torch.Tensor]) -> None:
        with torch.no_grad():
            for own, value in zip(self._tensors(), values, strict=True):
                own.copy_(value)

    def _tensors(self) -> list[torch.Tensor]:
        return [one.detach() for one in self._network.state_dict().values() if one.is_floating_point()]
