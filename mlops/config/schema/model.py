"""Say what a model is.

Lives here: Model.
Not here: its family (families), the sections that families read (training), how it decides (decision), judging gates (kinds).
Law: what changes the weights means RETRAIN; a gate only judges again.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field, ValidationError, WithJsonSchema, model_validator

from mlops.config.schema.augment import Augment
from mlops.config.schema.base import FieldError, Name, Resource, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.decision import HAVE_CALIBRATION, HAVE_THRESHOLD, Calibration, MetricName, OwnMetric, Threshold
from mlops.config.schema.families.family import BY_FAMILY, FamilySpec
from mlops.config.schema.fine_tune import FineTune
from mlops.config.schema.gate import Gate, parse_gate
from mlops.config.schema.searched import samples_of, with_values
from mlops.config.schema.training import Loss, Optimizer, Trainer
from mlops.config.schema.tuning import Tune
from mlops.errors import near
from mlops.extensions import METRICS
from mlops.metrics.baseline import BASELINES
from mlops.metrics.metric import MEASURED_SPLITS
from mlops.metrics.table import find_measured, measured_names
from mlops.metrics.task import Task


def _gate(text: str) -> str:
    return str(parse_gate(text))


GateText = Annotated[str, AfterValidator(_gate), WithJsonSchema({"type": "string", "x-unit": "gate"})]
"""See `mlops.config.schema.gate`; kept as text, with its spaces put in order."""


class Model(Resource):
    """A network, how it is trained, and what it must reach."""

    order: ClassVar[int] = 20

    dataset: Name = spec_field(doc="The data set it learns from.", change=Category.RETRAIN, refers="dataset")
    task: Task = spec_field(doc="What is predicted.", change=Category.RETRAIN)
    architecture: Annotated[FamilySpec, BY_FAMILY] = spec_field(doc="The network.", change=Category.RETRAIN)
    loss: Loss | None = spec_field(
        None, doc="Default: bce, cross_entropy or mse, by the task.", change=Category.RETRAIN
    )
    optimizer: Optimizer = spec_field(Optimizer(), doc="How weights move.", change=Category.RETRAIN)
    trainer: Trainer = spec_field(Trainer(), doc="How long and on what.", change=Category.RETRAIN)
    augment: Augment | None = spec_field(
        None, doc="How the rows of training are varied. Default: not at all.", change=Category.RETRAIN
    )
    tune: Tune | None = spec_field(
        None,
        doc="Which values are searched for, and how. Those that are found take the place of what the model says.",
        change=Category.RETUNE,
    )
    init_from: str | None = spec_field(
        None,
        doc="Weights to begin with: `model.NAME` of the project, or a path to a .safetensors file, to a state_dict that torch.save "
        "wrote, or to a folder of Hugging Face. What fits by name and shape is taken; names of torchvision are known. Default: "
        "weights begin at random.",
        change=Category.RETRAIN,
        refers_by_address="model",
        min_length=1,
    )
    fine_tune: FineTune | None = spec_field(
        None,
        doc="Which weights stay as they are, or move more slowly. Default: all move alike.",
        change=Category.RETRAIN,
    )
    quantiles: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = spec_field(
        (), doc="Of the task `quantile`: which it predicts, rising. Default: 0.1, 0.5 and 0.9.", change=Category.RETRAIN
    )
    threshold: Threshold | None = spec_field(
        None,
        doc="Binary: the probability from which the label is true, or how it is chosen on the validation split. Default: 0.5.",
        change=Category.REPACKAGE,
    )
    calibration: Calibration | None = spec_field(
        None,
        doc="How probabilities are made honest, by the validation split and inside the exported graph. Default: not at all.",
        change=Category.REPACKAGE,
    )
    metrics: dict[MetricName, OwnMetric] = spec_field(
        {}, doc="Metrics of one's own, beside those of the task.", change=Category.REEVALUATE
    )
    slices: tuple[str, ...] = spec_field(
        (), doc="Columns by whose values metrics are reported too.", change=Category.REEVALUATE
    )
    gates: tuple[GateText, ...] = spec_field(
        (), doc="What its metrics must reach before it goes on.", change=Category.REEVALUATE
    )
    baseline_gate: bool = spec_field(
        True,
        doc="Whether it must be better than the trivial baseline, which answers the same for every row.",
        change=Category.REEVALUATE,
    )

    @model_validator(mode="after")
    def _quantiles_fit(self) -> Model:
        if self.quantiles and self.task is not Task.QUANTILE:
            raise FieldError(f"only the task `quantile` predicts quantiles, and this is `{self.task}`", "quantiles")
        if any(low >= high for low, high in pairwise(self.quantiles)):
            raise FieldError("quantiles rise, such as [0.1, 0.5, 0.9]", "quantiles")
        return self

    @property
    def levels(self) -> tuple[float, ...]:
        """The quantiles that it predicts, rising; none for other tasks."""
        return (self.quantiles or (0.1, 0.5, 0.9)) if self.task is Task.QUANTILE else ()

    @model_validator(mode="after")
    def _family_fits(self) -> Model:
        self.architecture.check(self)
        return self

    @model_validator(mode="after")
    def _space_fits(self) -> Model:
        """Judge every end of the space as a value of the field that it is for."""
        if self.tune is not None:
            said = self.model_dump(exclude_unset=True, by_alias=True, exclude={"tune"})
            for path, chosen in samples_of(self.tune):
                try:
                    type(self).model_validate(with_values(said, chosen))
                except ValidationError as error:
                    found = error.errors()[0]
                    where = ".".join(map(str, found["loc"]))
                    raise FieldError(
                        f"a trial could not be trained: {where}: {found['msg'].removeprefix('Value error, ')}",
                        "tune",
                        "space",
                        path,
                    ) from error
        return self

    @model_validator(mode="after")
    def _decision_fits(self) -> Model:
        if self.threshold is not None and self.task not in HAVE_THRESHOLD:
            raise FieldError(f"a threshold chooses one of two classes, and the task is `{self.task}`", "threshold")
        able = HAVE_CALIBRATION.get(self.task, ())
        if self.calibration and self.calibration not in able:
            raise FieldError(
                f"task `{self.task}` predicts no probabilities that {self.calibration} fits", "calibration"
            )
        for name in self.metrics:
            if name in METRICS:
                raise FieldError(f"`{name}` is a metric that mlops knows; choose another name", "metrics", name)
        return self

    @model_validator(mode="after")
    def _gates_fit(self) -> Model:
        for position, gate in enumerate(parse_gate(text) for text in self.gates):
            self._check_gate(gate, position)
        return self

    def _check_gate(self, gate: Gate, position: int) -> None:
        split, _, bare = gate.metric.partition("_")
        metric = find_measured(gate.metric, self.task)
        if metric is None and not (bare in self.metrics and split in MEASURED_SPLITS):
            own = [f"{MEASURED_SPLITS[0]}_{name}" for name in self.metrics]
            known = (*measured_names(self.task), *own)
            raise FieldError(
                f"`{gate.metric}` is no metric of task `{self.task}`; there are {', '.join(known)}",
                "gates",
                position,
                hint=near(gate.metric, known),
            )
        if metric is not None and metric.between_groups and (gate.column is None or gate.value or gate.end):
            raise FieldError(
                f"`{gate.metric}` compares the groups of a slice; write `{gate.metric}[COLUMN]` with a column of `slices`",
                "gates",
                position,
            )
        if gate.column is not None and gate.column not in self.slices:
            raise FieldError(
                f"`{gate}` looks at a slice by `{gate.column}`, which `slices` does not list", "gates", position
            )
        if gate.end and split != MEASURED_SPLITS[0]:
            raise FieldError(
                f"`{gate}` asks for an interval, and only metrics of the {MEASURED_SPLITS[0]} split have one",
                "gates",
                position,
            )
        if gate.other and not gate.live and (gate.column or gate.other not in BASELINES.get(self.task, ())):
            raise FieldError(
                f"`{gate}` compares with the {gate.other} baseline, which "
                f"{'is measured on the whole split alone' if gate.column else f'task `{self.task}` does not have'}",
                "gates",
                position,
            )
