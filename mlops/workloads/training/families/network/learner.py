"""Move weights.

Lives here: Learner, the LightningModule that every network is trained by.
Not here: its rows (batches), its loss (objective), which epoch is best (epochs), the trainer around it (learn).
Law: nothing is logged per step, so that Lightning costs what a bare loop costs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from mlops.config.schema.fine_tune import FineTune
from mlops.config.schema.training import Optimizer, Trainer
from mlops.workloads.stage import failed
from mlops.workloads.training.families.network.augment import Augmenter, StepNumber
from mlops.workloads.training.families.network.averaging import Average
from mlops.workloads.training.families.network.batches import Batch, TensorRows
from mlops.workloads.training.families.network.best_epochs import keep_best
from mlops.workloads.training.families.network.epochs import EpochMetrics, Epochs
from mlops.workloads.training.families.network.objective import Objective
from mlops.workloads.training.families.network.optimizers import Factor, drawn_to_zero, make_optimizer, make_schedule
from mlops.workloads.training.families.network.pace import Pace
from mlops.workloads.training.families.network.predictor import Predictor
from mlops.workloads.training.families.network.transfer import Freezing
from mlops.workloads.training.run_log import RunLog

_CHUNK = 16_384


class Learner(lightning.LightningModule):
    """Trains the network of a predictor.

    `rows`: of validation. `metrics`: what each epoch measures on them. `pace`: how many epochs there are, and how many without
    a better value end the training.
    """

    def __init__(
        self, predictor: Predictor, objective: Objective, optimizer: Optimizer, *, val: TensorRows, metrics: EpochMetrics,
        pace: Pace, spec: Trainer, log: RunLog | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.predictor = predictor
        self.objective, self.chosen, self.metrics, self.pace = objective, optimizer, metrics, pace
        self.epochs = Epochs(metrics.monitor, spec.early_stopping.min_delta if spec.early_stopping else 0.0)
        self._val, self._spec, self._log = val, spec, log or RunLog()
        self.fine_tune: FineTune | None = None
        self.augmenter: Augmenter | None = None
        """Varies the rows of each step; None where they stay as they are."""
        self._sum = torch.zeros(())
        self._forward: Callable[[torch.Tensor], torch.Tensor] = predictor.network.__call__
        self._average = Average(spec.average, predictor.network, pace.epochs) if spec.average else None
        self._factor: Factor | None = None

    def configure_callbacks(self) -> list[Callback]:
        return [Freezing(self.predictor.network, self.fine_tune)] if self.fine_tune and self.fine_tune.freeze else []

    def on_train_start(self) -> None:
        """Have each rank drop out other units; the first drops those that it would drop alone."""
        self._sum = self._sum.to(self.device)
        if self._spec.compile:
            self._forward = compiled(self.predictor.network)
        if self.trainer.global_rank > 0:
            torch.manual_seed(torch.initial_seed() + self.trainer.global_rank)

    def training_step(self, batch: Batch, index: int) -> torch.Tensor:
        if self.augmenter is None:
            loss = self.objective.of_batch(self._forward(batch.x), batch)
        else:
            step = StepNumber(self.current_epoch, index, self.trainer.global_rank)
            loss = self.augmenter.loss(self._forward, self.objective, batch, step)
        self._sum.add_(loss.detach())
        if (
            self.trainer.world_size > 1
        ):  # gradients are averaged over the ranks, and the loss is the sum of their shares
            loss = loss * self.trainer.world_size
        if self.chosen.l1:
            loss = loss + self.chosen.l1 * sum(one.abs().sum() for one in drawn_to_zero(self.predictor.network))
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Batch, batch_idx: int) -> None:
        if self._average and ((batch_idx + 1) % self._spec.accumulate == 0 or self.trainer.is_last_batch):
            self._average.after_step()
        if self._log.is_due(batch_idx + 1, self._spec.log_every_steps):
            self._report_step(batch_idx, outputs["loss"])

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["epochs"] = self.epochs.state()
        checkpoint["sum"] = self._sum
        if self._average:
            checkpoint["average"] = self._average.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.epochs.restore(checkpoint["epochs"])
        self._sum = checkpoint["sum"]
        if self._average:
            self._average.restore(checkpoint["average"])

    def on_train_epoch_start(self) -> None:
        self._sum = torch.zeros((), device=self.device)

    def on_train_epoch_end(self) -> None:
        steps = max(1, int(self.trainer.num_training_batches))
        train_loss = float(self.trainer.strategy.reduce(self._sum, reduce_op="sum")) / steps
        if self._average:
            self._average.after_epoch(self.current_epoch)
        with self._average.applied() if self._average else nullcontext():
            val_loss, predicted = self._validate()
            if not (math.isfinite(train_loss) and math.isfinite(val_loss)):
                raise failed(
                    "loss is not a number",
                    f"In epoch {self.current_epoch + 1} the loss became {train_loss}. Lower `optimizer.lr`, set "
                    "`trainer.gradient_clip`, and look for extreme values in the data set's profile.",
                )
            measured = {"epoch": self.current_epoch, "train_loss": train_loss}
            if len(self._val.x):
                measured |= {"val_loss": val_loss, **self.metrics.measure(predicted)}
            if self.epochs.add(measured) or self._spec.keep == "last":
                self.epochs.weights = {
                    name: value.detach().clone() for name, value in self.predictor.network.state_dict().items()
                }
            if self._spec.checkpoint.best and self._log.folder and self.trainer.is_global_zero:
                keep_best(self._log.folder, self.epochs, self.predictor.network, self._spec.checkpoint.best)
        if self._factor:
            self._factor.after_epoch(self.epochs.waited)
        if self._spec.early_stopping and self.epochs.waited >= self.pace.patience:
            self.trainer.should_stop = True
        self._report(measured)

    def _report(self, measured: dict[str, float]) -> None:
        most, epoch = max(1, self.pace.epochs), self.current_epoch + 1
        values = ", ".join(
            f"{name.replace('_', ' ')} {value:.4f}" for name, value in measured.items() if name != "epoch"
        )
        line, done = f"epoch {epoch} of {most}, {values}", 0.1 + 0.85 * epoch / most
        self._log.write_epoch(self.epochs.history, line, done, step=self.global_step)

    def _report_step(self, index: int, loss: torch.Tensor) -> None:
        value, epoch = float(loss), self.current_epoch + 1
        line = f"epoch {epoch} of {self.pace.epochs}, step {index + 1} of {self.pace.batches}, loss {value:.4f}"
        self._log.write_step(self.current_epoch * self.pace.batches + index + 1, {"loss": value}, line)

    def _validate(self) -> tuple[float, Any]:
        """Return the loss and the predictions of the validation split; each rank takes some of the chunks, and all get the
        same."""
        network, trainer, rows = self.predictor.network, self.trainer, len(self._val.x)
        kind = next((one.dtype for one in network.parameters()), torch.float32)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        predicted = torch.zeros(0, device=self.device)
        network.eval()
        with torch.no_grad():
            for start in range(0, rows, _CHUNK):
                if (start // _CHUNK) % trainer.world_size != trainer.global_rank:
                    continue
                x, y, weights = (self._chunk(one, start, kind) for one in (self._val.x, self._val.y, self._val.weights))
                out = network(x)
                total += self.objective.mean(out, y, weights) * len(x)
                answers = self.predictor.answer(out)
                if len(predicted) == 0:
                    predicted = answers.new_zeros((rows, *answers.shape[1:]))
                predicted[start : start + _CHUNK] = answers
        network.train()
        if trainer.world_size > 1:
            total, predicted = self._gathered(total, predicted)
        return float(total) / max(1, rows), predicted.float().cpu().numpy().astype(np.float32)

    def _chunk(self, tensor: torch.Tensor | None, start: int, kind: torch.dtype) -> Any:
        if tensor is None:
            return None
        part = tensor[start : start + _CHUNK]
        return part.to(self.device, kind) if part.is_floating_point() else part.to(self.device)

    def _gathered(self, total: torch.Tensor, predicted: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the sums over the ranks. A rank without a chunk has no predictions, and does not know their shape."""
        reduce, rows = self.trainer.strategy.reduce, len(self._val.x)
        width = torch.tensor(float(predicted[:1].numel()), device=self.device)
        columns = int(torch.as_tensor(self.trainer.strategy.reduce(width, reduce_op="max")))
        if len(predicted) == 0:
            predicted = torch.zeros(rows * columns, device=self.device)
        shape = (rows, columns) if columns > 1 or predicted.dim() > 1 else (rows,)
        whole: Any = reduce(predicted.reshape(-1), reduce_op="sum")
        return torch.as_tensor(reduce(total, reduce_op="sum")), whole.reshape(shape)

    def configure_optimizers(self) -> Any:
        # With scaled gradients Lightning could not clip those of a fused optimiser.
        fused = "mixed" not in str(self.trainer.precision)
        tuned = self.fine_tune
        optimizer = make_optimizer(
            self.predictor.network, self.chosen, fused=fused, rates=tuned.rates if tuned else None
        )
        steps = self.pace.epochs * math.ceil(self.pace.batches / self._spec.accumulate)
        schedule = make_schedule(optimizer, self.chosen, steps=steps, epochs=self.pace.epochs)
        if schedule is None:
            return optimizer
        if isinstance(schedule, torch.optim.lr_scheduler.LambdaLR):
            factor: Any = schedule.lr_lambdas[0]
            self._factor = factor
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def compiled(network: nn.Module) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return the network as torch compiles it. Raises MlopsError, once it is called, where this machine cannot."""
    made: Callable[[torch.Tensor], torch.Tensor] = torch.compile(network)

    def call(x: torch.Tensor) -> torch.Tensor:
        try:
            return made(x)
        except torch._dynamo.exc.TorchDynamoException as error:
            raise failed(
                "network cannot be compiled",
                f"`trainer.compile`: {str(error).splitlines()[0]} Torch needs a C++ compiler for that, and on a GPU Triton. "
                "Install one, or take `compile` out.",
            ) from error

    return call
