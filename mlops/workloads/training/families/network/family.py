"""Train, keep and export a network.

Lives here: NetworkFamily, the base of every family that is a network of torch, and FittedNetwork.
Not here: one architecture (training.families), the steps (learn), several processes (ranks).
Law: one seed decides the weights, whatever the number of processes.
"""

from __future__ import annotations

import logging
import os
import signal
import warnings
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import lightning
import numpy as np
import numpy.typing as npt
import onnx
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from mlops.config.schema.families.family import family_spec
from mlops.config.schema.families.network import effective_loss, effective_optimizer
from mlops.config.schema.model import Model
from mlops.workloads.features.graph import OPSET
from mlops.workloads.features.pictures import Picture
from mlops.workloads.parent_death import die_with_parent
from mlops.workloads.stage import failed
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.family import INPUT, ExactTerms, Family, Fit, Fitted, output_count
from mlops.workloads.training.families.network.augment import Augmenter
from mlops.workloads.training.families.network.batches import TensorRows
from mlops.workloads.training.families.network.epochs import EpochMetrics, Epochs
from mlops.workloads.training.families.network.label_scale import LabelScale
from mlops.workloads.training.families.network.learn import learn
from mlops.workloads.training.families.network.learner import Learner
from mlops.workloads.training.families.network.objective import Objective
from mlops.workloads.training.families.network.own_module import OwnRows, is_own_module, learn_own
from mlops.workloads.training.families.network.pace import Pace
from mlops.workloads.training.families.network.predictor import LABEL_UNITS, Predictor
from mlops.workloads.training.families.network.ranks import Ranks
from mlops.workloads.training.families.network.transfer import begin_from, check_patterns
from mlops.workloads.training.families.network.weighing import weigh

if TYPE_CHECKING:
    from mlops.workloads.training.explanation import TrainRows

_CHUNK = 65_536
WEIGHTS = "network.safetensors"


class FittedNetwork(Fitted):
    """`predictor`: moved to the CPU, in evaluation mode."""

    def __init__(
        self, predictor: Predictor, width: int, logged: Sequence[Mapping[str, float]] = (),
        summary: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        self._predictor, self._width = predictor.to("cpu", torch.float32).eval(), width
        self.logged, self.summary = logged, summary or {}

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        rows = torch.from_numpy(x)
        with torch.no_grad():
            parts = [self._predictor(rows[at : at + _CHUNK]).numpy() for at in range(0, len(rows), _CHUNK)]
        return np.concatenate(parts)

    def save(self, folder: Path) -> None:
        """Write the network's weights under its own names, and beside them the unit of a label that was standardised."""
        state = {key: value.contiguous() for key, value in self._predictor.network.state_dict().items()}
        if self._predictor.is_scaled:
            state |= {key: getattr(self._predictor, key) for key in LABEL_UNITS}
        save_file(dict(sorted(state.items())), folder / WEIGHTS)

    def exact_terms(self, rows: TrainRows) -> ExactTerms | None:
        network = self._predictor.network
        if not isinstance(network, nn.Linear) or type(network) is not nn.Linear:  # a subclass may do anything
            return None
        column_of = rows.column_of()
        if column_of is None:
            return None
        weights, bias = (part.detach().numpy().astype(np.float64) for part in (network.weight, network.bias))
        center, scale = (float(getattr(self._predictor, name)) for name in LABEL_UNITS)
        mean = rows.encoded().mean(axis=0, dtype=np.float64)
        arrays = {
            "weights": weights * scale, "mean": mean, "places": np.arange(len(mean), dtype=np.int32),
            "base": (weights @ mean + bias) * scale + center,
        }  # fmt: skip
        return ExactTerms(arrays, column_of)

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
        """Return a module from `[N, width]` FLOAT to `[N, outputs]`: logits, or values for a regression; or
        to `[N, members, outputs]` where several networks learn side by side."""

    def make(self, architecture: Any, *, width: int, outputs: int, pictures: Sequence[Picture] = ()) -> nn.Module:
        """Return what `build` gives; a family that looks at images is made for those that lie in a row."""
        return self.build(architecture, width=width, outputs=outputs)

    def begin(self, spec: Model, name: str) -> None:
        if spec.trainer.devices > 1 and not Ranks.are_given():
            Ranks.start(spec.trainer.devices, name)
        Ranks.of()
        if spec.trainer.deterministic == "everywhere":
            os.environ["MKL_CBWR"] = "COMPATIBLE"  # read when MKL multiplies for the first time
        die_with_parent(signal.SIGTERM)  # not SIGKILL: it writes a last checkpoint
        lightning.seed_everything(spec.trainer.seed, verbose=False)
        torch.set_num_threads(spec.trainer.threads)

    def fit(self, fit: Fit) -> Fitted | None:
        spec, ranks = fit.spec, Ranks.of()
        loss, stopping = effective_loss(spec), spec.trainer.early_stopping
        scale = LabelScale.of(fit.train.y) if loss.standardize else LabelScale()
        outputs = output_count(spec.task, fit.classes)
        network = self.make(spec.architecture, width=fit.width, outputs=outputs, pictures=fit.pictures)
        if spec.init_from:
            begin_from(network, spec.init_from, log=fit.log)
        if spec.fine_tune:
            check_patterns(network, spec.fine_tune)
        pace, metrics = (
            Pace.of(spec.trainer, len(fit.train.x)),
            EpochMetrics.of(spec.task, fit.val.measured, outputs, stopping),
        )
        if is_own_module(network):
            return self._fit_own(network, fit, pace, metrics)
        predictor = Predictor(network, spec.task, scale)
        train, val = weigh(fit, loss, scale)
        learner = Learner(
            predictor, Objective(spec.task, loss, spec.levels), effective_optimizer(spec), val=val, metrics=metrics, pace=pace,
            spec=spec.trainer, log=fit.log,
        )  # fmt: skip
        learner.fine_tune = spec.fine_tune
        if spec.augment:
            learner.augmenter = Augmenter(spec.augment, fit.pictures, spec.trainer.seed)
        learn(learner, train, spec.trainer, ranks, fit.checkpoint)
        if not ranks.is_first:
            return None
        summary = _summary(spec, learner.epochs, pace)
        fit.log.write_line(f"the weights of epoch {summary['kept']['epoch']} are kept: {_why(spec, metrics.monitor)}")
        return FittedNetwork(predictor, fit.width, learner.epochs.history, summary)

    def _fit_own(self, module: nn.Module, fit: Fit, pace: Pace, metrics: EpochMetrics) -> Fitted | None:
        spec, ranks = fit.spec, Ranks.of()
        train, val = (TensorRows(torch.from_numpy(part.x), torch.from_numpy(part.y)) for part in (fit.train, fit.val))
        epochs = learn_own(module, spec, OwnRows(train, val, pace, fit.log, fit.checkpoint), metrics, ranks)
        if not ranks.is_first:
            return None
        return FittedNetwork(Predictor(module, spec.task), fit.width, epochs.history, _summary(spec, epochs, pace))

    def load(self, folder: Path, description: Description) -> FittedNetwork:
        spec = family_spec(description.architecture["name"]).model_validate(description.architecture)
        pictures = tuple(map(Picture.of, description.pictures))
        network = self.make(spec, width=description.width, outputs=description.outputs, pictures=pictures)
        predictor = Predictor(network, description.task)
        state = load_file(folder / WEIGHTS)
        for key in LABEL_UNITS:
            if key in state:
                setattr(predictor, key, state.pop(key))
        predictor.network.load_state_dict(state)
        return FittedNetwork(predictor, description.width)


def _why(spec: Model, monitor: str) -> str:
    return f"it has the best {monitor}" if spec.trainer.keep == "best" else "it is the last"


def _summary(spec: Model, epochs: Epochs, pace: Pace) -> dict[str, Any]:
    """Say how many epochs there were, and which one's weights were kept."""
    kept = epochs.best if spec.trainer.keep == "best" else len(epochs.history) - 1
    value: dict[str, Any] = {"epoch": kept + 1}
    if (monitored := epochs.history[kept].get(epochs.monitor)) is not None:
        value[epochs.monitor] = monitored
    return {"epochs": len(epochs.history), "max_epochs": pace.epochs, "kept": value}
