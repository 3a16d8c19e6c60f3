"""Say what a family of models does.

Lives here: Family and Fitted, the protocol; Examples, Encoded and Fit, what a family learns from.
Not here: the families themselves (the other files of this room), the stages that call them (train, export).
Law: a stage knows a family by this protocol alone: no epoch, no optimiser, no format of weights.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from mlops.config.schema.model import Model
from mlops.errors import MlopsError
from mlops.extensions import FAMILIES
from mlops.metrics.task import Task
from mlops.workloads.features.encoder import EncodedColumn
from mlops.workloads.features.fit import fit as fit_encoders
from mlops.workloads.features.graph import build_graph, encoded_columns
from mlops.workloads.features.pictures import Picture, pictures_of
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.description import Description
from mlops.workloads.training.families.checkpoint import Checkpoint
from mlops.workloads.training.run_log import RunLog

if TYPE_CHECKING:
    import onnx

    from mlops.workloads.training.explanation import TrainRows

INPUT = "x"
"""The input of a family's ONNX graph: `[N, width]` FLOAT."""


@dataclass(frozen=True)
class Examples:
    """`x`: `[N, width]` FLOAT. `y`: `[N]`, FLOAT for 0 and 1 (binary) and for numbers (regression), else class numbers; of
    several labels or steps ahead `[N, K]` FLOAT; empty where no label is learned. `truth`: `y` as metrics take it, where
    that is something else. `weights`: `[N]`, how much each row counts (`loss.row_weights`); None where all count alike."""

    x: npt.NDArray[np.float32]
    y: npt.NDArray[Any]
    truth: npt.NDArray[Any] | None = None
    weights: npt.NDArray[np.float64] | None = None

    @property
    def measured(self) -> npt.NDArray[Any]:
        return self.y if self.truth is None else self.truth


@dataclass(frozen=True)
class Encoded:
    """`graph`: from raw columns to `features`, `[N, width]` FLOAT. `columns`: what each of these numbers is. `pictures`:
    where images lie among them."""

    graph: onnx.ModelProto
    columns: Sequence[EncodedColumn]
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Fit:
    """What a family learns from. `classes`: of the label, in the order of their numbers, or what the numbers
    of one prediction stand for (labels, quantiles, steps ahead); empty for a regression. `columns`: what
    each number of a row is.

    `checkpoint`: where a family that trains for long may keep how far it is, and find it after it was killed. `log`: where it
    writes what it measures on its way.
    `pictures`: where the images lie in a row of `x`.
    """

    spec: Model
    train: Examples
    val: Examples
    classes: Sequence[Any]
    columns: Sequence[EncodedColumn]
    checkpoint: Checkpoint
    pictures: Sequence[Picture] = ()
    log: RunLog = field(default_factory=RunLog)

    @property
    def width(self) -> int:
        return int(self.train.x.shape[1])


@dataclass(frozen=True)
class ExactTerms:
    """What a raw score is the sum of, as `serving.explain_exact` reads it: `base`, `[K]`, what is expected of a row; for a linear
    part `places` of the numbers that it reads, `[A]`, their `mean` and `weights`, `[K, A]`; for trees what `tree_terms` gives.
    `column_of`: of each number of a row, the place of its raw column."""

    arrays: Mapping[str, npt.NDArray[Any]]
    column_of: Sequence[int]


class Fitted(ABC):
    """A model that has learned. `logged`: what it measured on its way, a row for each time, as DVC draws it.

    `summary`: numbers of the training that are equal in every run, such as `{"epochs": 3}`.
    """

    logged: Sequence[Mapping[str, float]] = ()
    summary: Mapping[str, Any] = {}

    @abstractmethod
    def predict(self, x: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Return the probability of the second class `[N]`, of each class `[N, K]`, or a number `[N]`; of several labels
        their probabilities, and quantiles and steps ahead as numbers, `[N, K]`; of clusters the distance to each or its
        probability, `[N, K]`, of anomalies a score `[N]` that is 0.5 where a row begins to be flagged, of a reduction `[N, K]`."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what `load` needs into files of the family's own; equal models give equal bytes."""

    @abstractmethod
    def to_onnx(self, output: str) -> onnx.ModelProto:
        """Return a graph that predicts what `predict` predicts, from the input `x` to an output of this name."""

    def exact_terms(self, rows: TrainRows) -> ExactTerms | None:
        """Return what a raw score is the sum of; None where it is no sum, and explanations are sampled. `rows`: those of the
        train split."""
        return None


class Family(ABC):
    """One way to learn. `advice`: what to do where it predicts NaN or infinity."""

    advice: ClassVar[str] = "Look for extreme values in the data set's profile."

    def begin(self, spec: Model, name: str) -> None:  # noqa: B027 - most families have nothing to begin with
        """Do what must come before data are read: seeds, threads, processes. Called once in each process."""

    def encode(self, spec: Model, data: PreparedData) -> Encoded:
        """Return how raw rows become what the family learns from; a family that overrides it takes its rows from elsewhere."""
        encodings = spec.architecture.encodings()
        encoders = fit_encoders(data.schema, data.columns("train"))
        columns = encoded_columns(encoders, encodings)
        return Encoded(build_graph(encoders, encodings), columns, pictures_of(data.schema, encoders))

    @abstractmethod
    def fit(self, fit: Fit) -> Fitted | None:
        """Learn. None in a process that only helps another one, which writes. Raises MlopsError."""

    @abstractmethod
    def load(self, folder: Path, description: Description) -> Fitted:
        """Read what `save` wrote."""


def family_named(name: str) -> Family:
    """Raises MlopsError for a family that nobody brings, or that is none."""
    family = FAMILIES.load(name)
    if not (isinstance(family, type) and issubclass(family, Family)):
        raise MlopsError.of(
            "plug-in does not fit",
            f"{FAMILIES.package(name) or 'mlops'} brings the model family {name}: what it registers in {FAMILIES.group} is "
            f"no subclass of {Family.__module__}.{Family.__name__}. Correct or uninstall that package.",
        )
    made: Family = family()
    return made


def output_count(task: Task, classes: Sequence[Any]) -> int:
    return 1 if task in (Task.BINARY, Task.REGRESSION, Task.ANOMALY) else len(classes)
