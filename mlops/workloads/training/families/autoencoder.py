"""Find rows that a network makes badly again.

Lives here: AutoencoderFamily, AutoencoderNetwork and FittedAutoencoder.
Not here: training it (network), what it may say (config.schema.families.autoencoder), from where a row is flagged (anomaly_scale).
Law: the module that is trained is the one that is exported; what it learns is that the error of each row should be 0.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from mlops.config.schema.families.autoencoder import Autoencoder
from mlops.workloads.stage import write_json
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.anomaly_scale import boundary_of
from mlops.workloads.training.families.family import Examples, Fit, Fitted
from mlops.workloads.training.families.network.family import NetworkFamily

_ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU}
_FILE = "score.json"
_LARGEST = 1e30
"""The largest error: its square root is beyond what features are, and FLOAT still holds it."""


class AutoencoderNetwork(nn.Module):
    """Gives the error of each row, `[N, 1]`: the mean squared difference of its features from what is made of them again."""

    def __init__(self, architecture: Autoencoder, width: int) -> None:
        super().__init__()
        self.encoder = _layers([width, *architecture.hidden, architecture.code], architecture.activation)
        self.decoder = _layers([architecture.code, *reversed(architecture.hidden), width], architecture.activation)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.decoder(self.encoder(x))
        return (made - x).square().mean(dim=1, keepdim=True).clamp(max=_LARGEST)


def _layers(widths: list[int], activation: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), _ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


class FittedAutoencoder(Fitted):
    """`errors`: the trained network, which predicts the error of a row. `boundary`: the error from which a row is flagged."""

    def __init__(self, errors: Fitted, boundary: float) -> None:
        self._errors, self._boundary = errors, boundary
        self.logged = errors.logged
        self.summary = {**errors.summary, "output": "score", "error_scale": boundary}

    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        error = self._errors.predict(x).astype(np.float64)
        score: npt.NDArray[Any] = (error / (error + self._boundary)).astype(np.float32)
        return score

    def save(self, folder: Path) -> None:
        self._errors.save(folder)
        write_json(folder / _FILE, {"boundary": self._boundary})

    def to_onnx(self, output: str) -> onnx.ModelProto:
        """Return the network's graph with e / (e + boundary) behind it, in DOUBLE."""
        model = self._errors.to_onnx("error")
        graph = model.graph
        graph.initializer.append(numpy_helper.from_array(np.asarray(self._boundary, dtype=np.float64), "boundary"))
        graph.node.extend([
            helper.make_node("Cast", ["error"], ["error_double"], to=TensorProto.DOUBLE),
            helper.make_node("Add", ["error_double", "boundary"], ["error_total"]),
            helper.make_node("Div", ["error_double", "error_total"], ["score_double"]),
            helper.make_node("Cast", ["score_double"], [output], to=TensorProto.FLOAT),
        ])  # fmt: skip
        graph.output[0].name = output
        return model


class AutoencoderFamily(NetworkFamily):
    def build(self, architecture: Autoencoder, *, width: int, outputs: int) -> nn.Module:
        return AutoencoderNetwork(architecture, width)

    def fit(self, fit: Fit) -> Fitted | None:
        spec: Any = fit.spec.architecture
        errors = super().fit(replace(fit, train=_towards_zero(fit.train), val=_towards_zero(fit.val)))
        if errors is None:
            return None
        return FittedAutoencoder(errors, boundary_of(errors.predict(fit.train.x), spec.contamination))

    def load(self, folder: Path, description: Description) -> Any:
        boundary = json.loads((folder / _FILE).read_text())["boundary"]
        return FittedAutoencoder(super().load(folder, description), boundary)


def _towards_zero(examples: Examples) -> Examples:
    """Return examples whose label is the error that they should have. Metrics have nothing to hold it against."""
    count = len(examples.x)
    return replace(examples, y=np.zeros(count, dtype=np.float32), truth=np.full((count, 2), np.nan))
