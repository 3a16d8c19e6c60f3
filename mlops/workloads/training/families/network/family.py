"""Train, keep and export a network.

Lives here: NetworkFamily, the base of every family that is a network of torch, and FittedNetwork.
Not here: one architecture (training.families), the steps (learn), several processes (ranks).
Law: one seed decides the weights, whatever the number of processes.
"""

from __future__ import annotations

import logging
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import lightning
import numpy as np
import numpy.typing as npt
import onnx
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mlops.config.schema.families.family import family_spec
from mlops.config.schema.families.network import effective_loss
from mlops.config.schema.model import Model
from mlops.metrics.task import Task
from mlops.workloads.features.graph import OPSET
from mlops.workloads.features.pictures import Picture
from mlops.workloads.stage import failed
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import INPUT, Family, Fit, Fitted, output_count
from mlops.workloads.training.families.network.label_scale import LabelScale
from mlops.workloads.training.families.network.learn import Learner, TensorRows, learn
from mlops.workloads.training.families.network.predictor import Predictor
from mlops.workloads.training.families.network.ranks import Ranks

_CHUNK = 65_536
_WEIGHTS = "network.safetensors"


class FittedNetwork(Fitted):
    """`network`: on the CPU, in evaluation mode."""

    def __init__(self, network: nn.Module, task: Task, width: int, logged: Sequence[Mapping[str, float]] = ()) -> None:
        self.network, self._width = network, width
        self.logged = logged
        self.summary = {"epochs": len(logged)}
        self._predictor = Predictor(network, task).eval()

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        rows = torch.from_numpy(x)
        with torch.no_grad():
            parts = [self._predictor(rows[at : at + _CHUNK]).numpy() for at in range(0, len(rows), _CHUNK)]
        return np.concatenate(parts)

    def save(self, folder: Path) -> None:
        state = {key: value.contiguous() for key, value in self.network.state_dict().items()}
        save_file(dict(sorted(state.items())), folder / _WEIGHTS)

    def to_onnx(self, output: str) -> onnx.ModelProto:
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(
                self._predictor, (torch.zeros(2, self._width),), dynamo=True, opset_version=OPSET, input_names=[INPUT],
                output_names=[output], dynamic_shapes=({0: torch.export.Dim("N")},), verbose=False,
            )  # fmt: skip
        if program is None:
            raise failed("model cannot be exported", "torch.onnx.export gave nothing.")
        model: onnx.ModelProto = program.model_proto
        return model


class NetworkFamily(Family):
    """A family is a network where it says how one is built."""

    advice: ClassVar[str] = "Lower `optimizer.lr`, or set `trainer.gradient_clip`."

    @abstractmethod
    def build(self, architecture: Any, *, width: int, outputs: int) -> nn.Module:
        """Return a module from `[N, width]` FLOAT to `[N, outputs]`: logits, or values for a regression."""

    def make(self, architecture: Any, *, width: int, outputs: int, pictures: Sequence[Picture] = ()) -> nn.Module:
        """Return what `build` gives; a family that looks at images is made for those that lie in a row."""
        return self.build(architecture, width=width, outputs=outputs)

    def begin(self, spec: Model, name: str) -> None:
        if spec.trainer.devices > 1 and not Ranks.are_given():
            Ranks.start(spec.trainer.devices, name)
        Ranks.of()
        lightning.seed_everything(spec.trainer.seed, verbose=False)
        torch.set_num_threads(spec.trainer.threads)

    def fit(self, fit: Fit) -> Fitted | None:
        spec, ranks = fit.spec, Ranks.of()
        scale = LabelScale.of(fit.train.y) if effective_loss(spec).standardize else LabelScale()
        train, val = (
            TensorRows(torch.from_numpy(part.x), torch.from_numpy(scale.standard(part.y)))
            for part in (fit.train, fit.val)
        )
        outputs = output_count(spec.task, fit.classes)
        learner = Learner(
            self.make(spec.architecture, width=fit.width, outputs=outputs, pictures=fit.pictures), spec.task,
            effective_loss(spec), spec.optimizer, val=val, weights=_weights(spec, train.y, len(fit.classes)),
        )  # fmt: skip
        learn(learner, train, spec.trainer, ranks)
        if not ranks.is_first:
            return None
        scale.restore(learner.network)
        return FittedNetwork(learner.network.to("cpu").eval(), spec.task, fit.width, learner.history)

    def load(self, folder: Path, description: Description) -> FittedNetwork:
        spec = family_spec(description.architecture["name"]).model_validate(description.architecture)
        pictures = tuple(map(Picture.of, description.pictures))
        network = self.make(spec, width=description.width, outputs=description.outputs, pictures=pictures)
        network.load_state_dict(load_file(folder / _WEIGHTS))
        return FittedNetwork(network.eval(), description.task, description.width)


def _weights(spec: Model, y: torch.Tensor, classes: int) -> torch.Tensor | None:
    if not effective_loss(spec).balance:
        return None
    if spec.task is Task.BINARY:
        positive = y.sum()
        return (len(y) - positive) / positive
    counts = torch.bincount(y, minlength=classes).clamp(min=1)
    return len(y) / (classes * counts.float())
