"""Train as one of several processes.

Lives here: Ranks, the place that torchrun gave to this process, and what several processes ask of Lightning and of a network.
Not here: the steps of training (learn).
Law: several processes take the very steps that one alone would take; an order of sums is all that differs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import torch
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.plugins.layer_sync import LayerSync
from lightning.pytorch.strategies import DDPStrategy
from torch import distributed, nn
from torch.distributed.nn import functional as together
from torch.nn.modules.batchnorm import _BatchNorm

from mlops.workloads.stage import failed


@dataclass(frozen=True)
class Ranks:
    """Is the place of this process among those that train. `world`: how many processes train, `here`: of them on this machine, `rank`: which one this is."""

    world: int = 1
    rank: int = 0
    here: int = 1

    @staticmethod
    def are_given(env: Mapping[str, str] = os.environ) -> bool:
        return "RANK" in env

    @classmethod
    def of(cls, env: Mapping[str, str] = os.environ) -> Ranks:
        """Read the variables of torchrun; without them, one process trains alone. Raises MlopsError where they contradict each other."""
        names = ("WORLD_SIZE", "RANK", "LOCAL_WORLD_SIZE")
        if not cls.are_given(env):
            return cls()
        try:
            world, rank, here = (int(env[name]) for name in names)
        except (KeyError, ValueError):
            world, rank, here = 0, 0, 1
        if not 0 <= rank < world or not 1 <= here <= world or world % here:
            given = ", ".join(f"{name}={env.get(name, '')}" for name in names)
            raise failed(
                "ranks do not fit",
                f"The environment says {given}. RANK is below WORLD_SIZE, and WORLD_SIZE is LOCAL_WORLD_SIZE times the number of "
                "machines. Start the processes with torchrun, or unset RANK to train with one.",
            )
        return cls(world, rank, here)

    @property
    def is_first(self) -> bool:
        """Say whether this is the process that writes."""
        return self.rank == 0

    def placement(self, network: nn.Module, accelerator: str) -> dict[str, Any]:
        """Return arguments for Lightning's Trainer."""
        if self.world == 1:
            return {"devices": 1}
        # A network of the user may leave parameters out of its answer; they are left alone, as one process would.
        strategy = DDPStrategy(
            cluster_environment=TorchElasticEnvironment(),
            find_unused_parameters=not isinstance(network, nn.Sequential | nn.Linear),
        )
        on_gpu = accelerator == "gpu" or (accelerator == "auto" and torch.cuda.is_available())
        placed = {"devices": self.here, "num_nodes": self.world // self.here, "strategy": strategy}
        return placed | ({"sync_batchnorm": True} if on_gpu else {"plugins": [WholeBatches()]})

    def share(self, value: Any) -> Any:
        """Return the first process's value in all of them."""
        if self.world == 1:
            return value
        _meet()
        values = [value]
        distributed.broadcast_object_list(values, src=0)
        return values[0]

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, by their ranks, in all of them."""
        if self.world == 1:
            return [value]
        values: list[Any] = [None] * self.world
        distributed.all_gather_object(values, value)
        return values

    @staticmethod
    def start(count: int, name: str) -> NoReturn:
        """Become torchrun, which carries out this stage by `count` processes of this machine."""
        by = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.execv(sys.executable, [sys.executable, *by, sys.argv[0], name])  # noqa: S606

    def leave(self) -> None:
        """End the group: nothing is asked of the other processes after this."""
        if self.world > 1 and distributed.is_initialized():
            distributed.destroy_process_group()


def _meet() -> None:
    """Form the group of processes that Lightning would form when it begins to train."""
    if not distributed.is_initialized():
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        distributed.init_process_group(backend)


class WholeBatches(LayerSync):
    """Puts WholeBatchNorm where a network normalises batches."""

    def apply(self, model: nn.Module) -> nn.Module:
        for name, child in model.named_children():
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                setattr(model, name, WholeBatchNorm.of(child))
            else:
                self.apply(child)
        return model

    def revert(self, model: nn.Module) -> nn.Module:
        """Leave the network as it is: outside of training such a layer is like any other."""
        return model


class WholeBatchNorm(_BatchNorm):
    """Normalises a batch over the parts of all ranks. Torch has that too, for GPUs alone."""

    @classmethod
    def of(cls, one: _BatchNorm) -> WholeBatchNorm:
        whole = cls(one.num_features, one.eps, one.momentum, one.affine, one.track_running_stats)
        whole.load_state_dict(one.state_dict())
        return whole

    def _check_input_dim(self, x: torch.Tensor) -> None:
        """Accept any number of dimensions."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training:
            return super().forward(x)
        axes, shape = [0, *range(2, x.dim())], [1, -1, *[1] * (x.dim() - 2)]
        rows = x.new_tensor([x.numel() // x.shape[1]])
        sums = _sum(torch.cat([x.sum(axes), rows]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = x - mean.view(shape)
        variance = _sum(centred.square().sum(axes)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1).clamp(min=1))
        out = centred * torch.rsqrt(variance + self.eps).view(shape)
        return out * self.weight.view(shape) + self.bias.view(shape) if self.affine else out

    def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        seen, means, variances = self.num_batches_tracked, self.running_mean, self.running_var
        if seen is None or means is None or variances is None:
            return
        seen.add_(1)
        share = 1.0 / float(seen) if self.momentum is None else self.momentum
        means.lerp_(mean, share)
        variances.lerp_(variance, share)


def _sum(part: torch.Tensor) -> torch.Tensor:
    """Return the sum over the ranks; gradients flow through it."""
    summed: torch.Tensor = together.all_reduce(part)  # type: ignore[no-untyped-call]
    return summed
