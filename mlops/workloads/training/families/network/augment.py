"""Vary the rows of a step.

Lives here: Augmenter, which turns, moves, crops, mirrors and colours images, and mixes rows up.
Not here: which of these is asked for (config.schema.augment), the step itself (learner).
Law: what happens to a step is decided by the seed, the epoch, the step and the rank alone, so that a training that goes on
after it was killed sees what an undisturbed one sees. Mix-up: Zhang et al., mixup: Beyond Empirical Risk Minimization (2017).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from mlops.config.schema.augment import Augment
from mlops.workloads.features.pictures import Picture
from mlops.workloads.training.families.network.batches import Batch
from mlops.workloads.training.families.network.objective import Objective


@dataclass(frozen=True)
class Step:
    """`epoch`, `index`: of the batch in the epoch, both from 0."""

    epoch: int
    index: int
    rank: int = 0


class Augmenter:
    """`pictures`: where the images lie in a row. `seed`: the trainer's."""

    def __init__(self, spec: Augment, pictures: Sequence[Picture], seed: int) -> None:
        self._spec, self._pictures, self._seed = spec, pictures, seed

    def loss(
        self, network: Callable[[torch.Tensor], torch.Tensor], objective: Objective, batch: Batch, step: Step
    ) -> torch.Tensor:
        """Return the loss of a step whose rows were varied."""
        if len(batch.y) == 0:
            return objective.of_batch(network(batch.x), batch)
        chance = self._chance(step)
        x = self.vary(batch.x, chance)
        if not self._spec.mix_up:
            return objective.of_batch(network(x), batch)
        share = self._share(step)
        others = torch.randperm(len(x), generator=chance).to(x.device)
        out = network(share * x + (1 - share) * x[others])
        weights = None if batch.weights is None else batch.weights[others]
        mixed = Batch(x, batch.y[others], weights, batch.whole)
        loss: torch.Tensor = share * objective.of_batch(out, batch) + (1 - share) * objective.of_batch(out, mixed)
        return loss

    def vary(self, x: torch.Tensor, chance: torch.Generator) -> torch.Tensor:
        """Return the rows with their images varied, all images of a row alike."""
        if not self._pictures or not self._spec.changes_images:
            return x
        grid = _grid(self._spec, len(x), chance)
        colours = _Colours.of(self._spec, len(x), chance)
        varied = x.clone()
        for picture in self._pictures:
            images = x[:, picture.start : picture.end].reshape(-1, *picture.shape)
            changed = colours.on(_moved(images, grid)) if grid is not None else colours.on(images)
            if self._spec.noise:
                noise = torch.randn(changed.shape, generator=chance).to(changed)
                changed = changed + self._spec.noise * noise
            varied[:, picture.start : picture.end] = changed.reshape(len(x), -1)
        return varied

    def _entropy(self, step: Step) -> np.random.SeedSequence:
        return np.random.SeedSequence([self._seed % 2**32, step.epoch, step.index, step.rank])

    def _chance(self, step: Step) -> torch.Generator:
        return torch.Generator().manual_seed(int(self._entropy(step).generate_state(1, np.uint64)[0] >> np.uint64(1)))

    def _share(self, step: Step) -> float:
        return float(
            np.random.Generator(np.random.PCG64(self._entropy(step))).beta(self._spec.mix_up, self._spec.mix_up)
        )


def _between(count: int, most: float, chance: torch.Generator) -> torch.Tensor:
    """Return numbers between -most and most."""
    return (2 * torch.rand(count, generator=chance) - 1) * most


def _grid(spec: Augment, count: int, chance: torch.Generator) -> torch.Tensor | None:
    """Return for each image the matrix `[2, 3]` that says where a pixel comes from; None where all stay where they are."""
    if not (spec.rotate or spec.scale or spec.shift or spec.crop or spec.flip != "none"):
        return None
    angle = _between(count, math.radians(spec.rotate), chance)
    zoom = 1 + _between(count, spec.scale, chance)
    kept = 1 - spec.crop * torch.rand(count, generator=chance)
    across, down = (
        _between(count, 2 * spec.shift, chance) + (1 - kept) * _between(count, 1.0, chance) for _ in range(2)
    )
    mirrored, upended = (
        torch.where(torch.rand(count, generator=chance) < 0.5, -1.0, 1.0) if spec.flip in (one, "both") else torch.ones(count)
        for one in ("horizontal", "vertical")
    )  # fmt: skip
    size = kept / zoom
    cosine, sine = torch.cos(angle) * size, torch.sin(angle) * size
    rows = [cosine * mirrored, -sine * upended, across, sine * mirrored, cosine * upended, down]
    return torch.stack(rows, dim=1).reshape(count, 2, 3)


def _moved(images: torch.Tensor, matrices: torch.Tensor) -> torch.Tensor:
    grid = functional.affine_grid(matrices.to(images), list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)


@dataclass(frozen=True)
class _Colours:
    """What is done to the values of each image, `[N, 1, 1, 1]`."""

    added: torch.Tensor
    contrast: torch.Tensor
    colour: torch.Tensor

    @classmethod
    def of(cls, spec: Augment, count: int, chance: torch.Generator) -> _Colours:
        added, contrast, colour = (
            _between(count, most, chance).reshape(-1, 1, 1, 1) for most in (spec.brightness, spec.contrast, spec.colour)
        )
        return cls(added, 1 + contrast, 1 + colour)

    def on(self, images: torch.Tensor) -> torch.Tensor:
        if images.shape[1] > 1 and bool((self.colour != 1).any()):
            grey = images.mean(dim=1, keepdim=True)
            images = grey + (images - grey) * self.colour.to(images)
        if bool((self.contrast != 1).any()):
            mean = images.mean(dim=(1, 2, 3), keepdim=True)
            images = mean + (images - mean) * self.contrast.to(images)
        return images + self.added.to(images) if bool((self.added != 0).any()) else images
