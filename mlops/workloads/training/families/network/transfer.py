"""Begin with weights that were learned before.

Lives here: begin_from, which reads them, and Freezing, which keeps some of them as they are for a while; rate_groups.
Not here: what may be said of it (config.schema.fine_tune), the network itself (training.families).
Law: no code of a file is run; a weight is taken where name and shape fit, under the names of torchvision and of Hugging Face
too, and what did not fit is said.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from safetensors.torch import load_file
from torch import nn

from mlops.config.schema.fine_tune import MODEL_PREFIX, FineTune, is_weights_file
from mlops.workloads.stage import failed
from mlops.workloads.training.run_log import RunLog

Weights = Mapping[str, torch.Tensor]
_WRAPPERS = ("trunk.", "network.", "model.", "module.", "backbone.", "encoder.", "base_model.", "resnet.")
_HUGGING_FACE = (
    (r"^(?:resnet\.)?embedder\.embedder\.convolution\.", "conv1."),
    (r"^(?:resnet\.)?embedder\.embedder\.normalization\.", "bn1."),
    (r"^(?:resnet\.)?encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.convolution\.", "layer{0}.{1}.downsample.0."),
    (r"^(?:resnet\.)?encoder\.stages\.(\d+)\.layers\.(\d+)\.shortcut\.normalization\.", "layer{0}.{1}.downsample.1."),
    (r"^(?:resnet\.)?encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.(\d+)\.convolution\.", "layer{0}.{1}.conv{2}."),
    (r"^(?:resnet\.)?encoder\.stages\.(\d+)\.layers\.(\d+)\.layer\.(\d+)\.normalization\.", "layer{0}.{1}.bn{2}."),
)
"""Names that the models of `transformers` give the parts of a residual network -> the names of torchvision, and ours."""
_INDEX = "model.safetensors.index.json"
_SHOWN = 4


def begin_from(network: nn.Module, init_from: str, root: Path = Path(), *, log: RunLog | None = None) -> None:
    """Give the network the weights that fit. `init_from`: `model.NAME`, or a file or folder. Raises MlopsError where none fit."""
    state = network.state_dict()
    found = read_weights(init_from, root)
    taken: dict[str, torch.Tensor] = {}
    others: list[str] = []
    for name, tensor in found.items():
        fitting = next((one for one in _names(name) if one in state and state[one].shape == tensor.shape), None)
        if fitting is None or fitting in taken:
            others.append(f"{name} {list(tensor.shape)}")
        else:
            taken[fitting] = tensor.to(state[fitting].dtype)
    if not any(name in dict(network.named_parameters()) for name in taken):
        raise failed(
            "weights do not fit",
            f"None of the {len(found):,} weights of `init_from: {init_from}` has the name and the shape of one of the network's. "
            f"It holds {_some(others)}; the network has {_some([f'{name} {list(one.shape)}' for name, one in state.items()])}. "
            "Choose the family and the sizes that the weights were made with.",
        )
    network.load_state_dict({**state, **taken})
    left = f"; not {_some(others)}" if others else ""
    (log or RunLog()).say(f"began with {len(taken):,} of {len(state):,} weights from {init_from}{left}", 0.1)


def read_weights(init_from: str, root: Path) -> dict[str, torch.Tensor]:
    """Return name -> weights. Raises MlopsError for a file that is not there, or that holds no weights."""
    if not is_weights_file(init_from):
        path = root / "models" / init_from.removeprefix(MODEL_PREFIX) / "train" / "network.safetensors"
        if not path.exists():
            raise failed(
                "no weights",
                f"`init_from: {init_from}`: {path} is not there. Train it first (mlops apply does), and see that its family is a "
                "network.",
            )
        return load_file(path)
    path = root / init_from
    try:
        return {name: tensor for file in _files(path) for name, tensor in _read(file).items()}
    except FileNotFoundError as error:
        raise failed("no weights", f"`init_from: {init_from}`: {path} is not there. Correct it.") from error
    except Exception as error:
        raise failed(
            "weights cannot be read",
            f"`init_from: {init_from}`: {path} holds no weights that can be read without running code of it "
            f"({type(error).__name__}). Name a .safetensors file, a state_dict that torch.save wrote, or a folder of Hugging "
            "Face with model.safetensors.",
        ) from error


def _files(path: Path) -> list[Path]:
    """Return the files that hold the weights: one, or the parts that a folder of Hugging Face lists."""
    if not path.is_dir():
        return [path]
    if (path / _INDEX).exists():
        parts = json.loads((path / _INDEX).read_text())["weight_map"].values()
        return [path / Path(part).name for part in sorted(set(parts))]
    return [path / "model.safetensors"]


def _read(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        return load_file(path)
    content = torch.load(path, map_location="cpu", weights_only=True)
    for key in ("state_dict", "model"):  # what Lightning and many scripts put around the weights
        if isinstance(content.get(key), Mapping):
            content = content[key]
    return {name: tensor for name, tensor in content.items() if isinstance(tensor, torch.Tensor)}


def _names(name: str) -> Iterator[str]:
    """Yield the names that a weight may have here, the likeliest first."""
    bare = name
    for _ in range(3):
        yield bare
        yield f"trunk.{bare}"
        stripped = next((bare.removeprefix(one) for one in _WRAPPERS if bare.startswith(one)), bare)
        if stripped == bare:
            break
        bare = stripped
    for pattern, ours in _HUGGING_FACE:
        if found := re.match(pattern, name):
            numbers = list(map(int, found.groups()))
            places = [number + (position != 1) for position, number in enumerate(numbers)]
            yield f"trunk.{ours.format(*places)}{name[found.end() :]}"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


class Freezing(Callback):
    """Keeps weights as they are, until an epoch begins from which on all of them move."""

    def __init__(self, network: nn.Module, spec: FineTune) -> None:
        self._network, self._spec = network, spec
        self._frozen = [one for name, one in network.named_parameters() if _fits(name, spec.freeze)]
        held = set(map(id, self._frozen))
        self._still = [
            module
            for module in network.modules()
            if (own := list(module.parameters(recurse=False))) and all(id(one) in held for one in own)
        ]
        if spec.unfreeze_epoch is None:
            self._hold(True)

    def _hold(self, held: bool) -> None:
        for one in self._frozen:
            one.requires_grad_(not held)

    def _is_held(self, trainer: lightning.Trainer) -> bool:
        first = self._spec.unfreeze_epoch
        return first is None or trainer.current_epoch + 1 < first

    def _begin(self, trainer: lightning.Trainer) -> None:
        held = self._is_held(trainer)
        if trainer.world_size == 1:  # processes that train together must agree on what has gradients before they begin
            self._hold(held)
        for module in self._still:
            module.train(not held)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._begin(trainer)

    def on_train_epoch_start(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        self._begin(trainer)

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, pl_module: lightning.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        if self._is_held(trainer):
            for one in self._frozen:
                one.grad = None


def check_patterns(network: nn.Module, spec: FineTune) -> None:
    """Raises MlopsError for a pattern that fits no weight."""
    names = [name for name, _ in network.named_parameters()]
    for field, patterns in (("freeze", spec.freeze), ("rates", tuple(spec.rates))):
        for pattern in patterns:
            if not any(fnmatchcase(name, pattern) for name in names):
                raise failed(
                    "no such weights",
                    f"`{pattern}` of `fine_tune.{field}` fits no weight of the network, which has {_some(names)}. Correct it.",
                )


def rate_groups(
    network: nn.Module, groups: Sequence[Mapping[str, Any]], rates: Mapping[str, float], lr: float
) -> list[dict[str, Any]]:
    """Return the groups of an optimiser, each divided by the learning rates of its weights."""
    factors = {
        id(one): next((rate for pattern, rate in rates.items() if fnmatchcase(name, pattern)), 1.0)
        for name, one in network.named_parameters()
    }
    divided: list[dict[str, Any]] = []
    for group in groups:
        for factor in dict.fromkeys(factors[id(one)] for one in group["params"]):
            some = [one for one in group["params"] if factors[id(one)] == factor]
            divided.append({**group, "params": some, "lr": lr * factor})
    return divided


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)
