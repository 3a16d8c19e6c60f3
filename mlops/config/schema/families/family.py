"""Say what every family shares.

Lives here: FamilySpec, Effort, and the choice of a family's model by its name.
Not here: the families themselves (the other files of this room), learning (workloads.training.families).
Law: what the plan and the checks must know of a family, its spec says itself; nobody asks for its name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mlops.config.schema.base import FieldError, Strict
from mlops.config.schema.by_name import Entry, by_tag, load_entry
from mlops.config.schema.families.encoding import Encoding
from mlops.errors import near
from mlops.extensions import FAMILY_SCHEMAS
from mlops.metrics.task import Task

if TYPE_CHECKING:
    from mlops.config.schema.model import Model

SECTIONS = ("loss", "optimizer", "trainer", "augment", "fine_tune", "init_from")
"""The sections of a model that a family may read beside its own, `architecture`."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What training time grows with: at most as many `noun`s as `field`, a path in the model's inputs, says.

    The family's summary counts those that it took under `noun` with an s, and may say under `max_` and that how many it
    would have taken.
    """

    field: str
    noun: str

    @property
    def key(self) -> str:
        return f"{self.noun}s"

    @property
    def most(self) -> str:
        """The key under which the summary says how many were allowed."""
        return f"max_{self.noun}s"

    def wanted(self, inputs: Any) -> float | None:
        """Read the field from effective inputs; None where the family chooses by the rows."""
        value = inputs
        for part in self.field.split("."):
            value = value[part]
        return None if value is None else float(value)

    def counted(self, count: float) -> str:
        return f"{count:g} {self.noun}{'' if count == 1 else 's'}"


class FamilySpec(Entry):
    """How a model learns. `name` is the name that the family is registered under.

    `tasks`: what it can predict. `reads`: the sections of the model that it reads, whole (`trainer`) or one field of them
    (`trainer.seed`). `logs`: what it measures while it trains whatever the task, by the names of metrics with their splits.
    `effort`: what the plan's estimate of its time grows with. `files`: the fields of `architecture` that name a model's file,
    which is pinned by its content.
    """

    tasks: ClassVar[tuple[Task, ...]] = (Task.BINARY, Task.MULTICLASS, Task.REGRESSION)
    reads: ClassVar[tuple[str, ...]] = ()
    logs: ClassVar[tuple[str, ...]] = ()
    effort: ClassVar[Effort | None] = None
    files: ClassVar[tuple[str, ...]] = ()

    name: str

    @classmethod
    def logged(cls, task: Task) -> tuple[str, ...]:
        """Return the names of what it measures while it trains, which early stopping may monitor."""
        return cls.logs

    @classmethod
    def libraries(cls) -> tuple[tuple[str, str], ...]:
        """Return the libraries of the system that it needs, beside Python packages: file, and how to get it."""
        return ()

    def encodings(self) -> tuple[Encoding, ...]:
        """Return how columns become the numbers that it learns from: all columns in the first encoding, then all in the next."""
        return (Encoding.AMOUNTS,)

    def check(self, model: Model) -> None:
        """Raises FieldError for what the model says and this family cannot do. A family that overrides it calls it too."""
        if model.task not in self.tasks:
            raise FieldError(
                f"the family `{self.name}` cannot do `{model.task}`; it can do {', '.join(self.tasks)}", "task"
            )
        for section in SECTIONS:
            if section in model.model_fields_set:
                self._check_section(section, getattr(model, section))
        stopping = model.trainer.early_stopping
        logged = self.logged(model.task)
        if stopping and stopping.monitor and stopping.monitor not in logged:
            raise FieldError(
                f"the family `{self.name}` does not log `{stopping.monitor}` while it trains; it logs "
                f"{', '.join(logged) or 'nothing'}",
                "trainer",
                "early_stopping",
                "monitor",
                hint=near(stopping.monitor, logged),
            )

    def _check_section(self, section: str, value: Strict | str | None) -> None:
        if section in self.reads:
            return
        fields = [field.partition(".")[2] for field in self.reads if field.startswith(f"{section}.")]
        given = value.model_fields_set if isinstance(value, Strict) else ()
        unread = next((field for field in given if field not in fields), None)
        if fields and unread is None:
            return
        path = (section, unread) if fields and unread else (section,)
        there = f"of this model it reads {', '.join(('architecture', *self.reads))}. Take it out"
        raise FieldError(f"the family `{self.name}` does not read it; {there}", *path)


BY_FAMILY = by_tag(FAMILY_SCHEMAS, FamilySpec, tag="name")


def family_spec(name: str) -> type[FamilySpec]:
    """Return the schema of a family. Raises MlopsError where nobody brings it."""
    return load_entry(FAMILY_SCHEMAS, name, FamilySpec)
