"""Say which values of a model are searched for.

Lives here: Tune, the dimensions of its space, and Limit.
Not here: searching (workloads.tuning), what is chosen (the stage's output).
Law: the space is data: what a value may be is said here, and every end of it is judged as the field itself is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationInfo, field_validator, model_validator

from mlops.config.schema.base import FieldError, Strict, spec_field
from mlops.config.schema.units import Budget, MoneyValue, parse_money

SEARCHED = ("architecture", "optimizer", "trainer", "loss")
"""The sections of a model that a space may reach into."""
_NUMBERS = ("range", "log", "int", "log_int", "step")
_KINDS = ("choice", *_NUMBERS)
_ENDS = {"step": 3}


@dataclass(frozen=True, slots=True)
class Dimension:
    """One value that is searched for. `kind`: choice, range, log, int, log_int or step. `values`: the choices, or the lowest and
    highest number, with the step after them where there is one. `path`: the field, and what chose the branch that it is in, such
    as `architecture=1.dropout`."""

    path: str
    kind: str
    values: tuple[Any, ...]

    @property
    def ends(self) -> tuple[Any, ...]:
        """The values that show whether all are allowed: every choice, or both ends."""
        return self.values if self.kind == "choice" else self.values[:2]


def read_dimension(path: str, value: Any) -> Dimension | None:
    """Return what a value of the space says to search; None where it is a value of its own. Raises ValueError."""
    if not isinstance(value, Mapping) or len(value) != 1:
        return None
    kind, given = next(iter(value.items()))
    if kind not in _KINDS:
        return None
    if not isinstance(given, list | tuple) or not given:
        raise ValueError(f"`{kind}` takes a list, such as {'[a, b]' if kind == 'choice' else '[1, 10]'}")
    if kind in _NUMBERS:
        _check_numbers(kind, given)
    return Dimension(path, kind, tuple(given))


def _check_numbers(kind: str, given: Any) -> None:
    count = _ENDS.get(kind, 2)
    names = "lowest, highest and step" if count == 3 else "lowest and highest"
    if len(given) != count or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in given):
        raise ValueError(f"`{kind}` takes {count} numbers: {names}")
    low, high = given[0], given[1]
    if low >= high:
        raise ValueError(f"`{kind}` takes the lowest number first, and {low} is not below {high}")
    if kind in ("log", "log_int") and low <= 0:
        raise ValueError(f"`{kind}` takes numbers above zero, and the lowest is {low}")
    if kind in ("int", "log_int") and any(one != int(one) for one in given):
        raise ValueError(f"`{kind}` takes whole numbers")
    if kind == "step" and given[2] <= 0:
        raise ValueError("`step` takes a step above zero")


_LIMIT = re.compile(r"(size|val_\w+)\s*(<=|>=)\s*([-+0-9.eE]+)")


@dataclass(frozen=True, slots=True)
class Limit:
    """What a chosen model keeps to. `is_most`: the number is the highest that is allowed, and else the lowest."""

    name: str
    is_most: bool
    number: float

    @classmethod
    def parse(cls, text: str) -> Limit:
        """Raises ValueError."""
        found = _LIMIT.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"`{text}` is no limit; write such as `size <= 200000` or `val_recall >= 0.5`")
        return cls(found[1], found[2] == "<=", float(found[3]))

    def excess(self, value: float) -> float:
        """Return by how much a value is beyond the limit; zero or less where it keeps to it."""
        return value - self.number if self.is_most else self.number - value


class Tune(Strict):
    """A search for the values of a model, by trials that learn from the train split and are measured on the validation split."""

    search: Literal["grid", "random", "tpe", "cma_es", "gp"] = spec_field(
        "tpe",
        doc="How the next trial is chosen. `grid` tries every combination; `tpe`, `cma_es` and `gp` learn from the trials before.",
    )
    trials: int = spec_field(30, doc="How many are tried, at most.", ge=1)
    budget: Budget | None = spec_field(
        None,
        doc="What all trials may take together, such as 15m, or 5 USD where the environment says `training.price`; the trial that "
        "runs is finished. Default: no limit.",
    )
    objective: str | dict[str, Literal["max", "min"]] = spec_field(
        "",
        doc="What is made best: a metric of the validation split, such as val_auc, or several, each with max or min, where `size` "
        "counts the bytes of the model. Default: the first metric of the task.",
    )
    limits: tuple[str, ...] = spec_field(
        (),
        doc="What a chosen model keeps to: metrics of the validation split, or its `size` in bytes, such as `size <= 200000`. Trials "
        "beyond are kept in the ledger, and never chosen.",
    )
    prune: Literal["none", "median", "asha", "hyperband"] = spec_field(
        "none", doc="How trials that promise little are ended early; families that log nothing on their way are not."
    )
    folds: int = spec_field(
        1, doc="Of more than one: the objective is the mean over so many folds of the train split.", ge=1, le=20
    )
    parallel: int = spec_field(1, doc="Trials at once. One gives the same trials in every run.", ge=1, le=64)
    seed: int = spec_field(7, doc="Of the choice of trials.")
    space: dict[str, Any] = spec_field(
        doc="Field of the model -> its values: `{choice: [a, b]}`, `{range: [0, 0.5]}`, `{log: [1e-4, 1e-2]}`, `{int: [1, 8]}`, "
        "`{log_int: [8, 256]}` or `{step: [0, 1, 0.1]}`. A list of architectures chooses between families, each with a space of "
        "its own."
    )

    @field_validator("space")
    @classmethod
    def _space_is_sound(cls, space: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        if not space:
            raise ValueError("say at least one field to search, such as `optimizer.lr: {log: [1e-4, 1e-2]}`")
        for path, value in space.items():
            section = path.partition(".")[0]
            if section not in SEARCHED:
                raise FieldError(f"`{path}` cannot be searched; a space may name fields of {', '.join(SEARCHED)}", path)
            try:
                found = list(dimensions_of(path, value))
            except ValueError as error:
                raise FieldError(str(error), path) from error
            if not found and not isinstance(value, list):
                raise FieldError("it says no values; write such as `{range: [0, 1]}` or `{choice: [a, b]}`", path)
        return space

    @field_validator("limits")
    @classmethod
    def _limits_are_sound(cls, limits: tuple[str, ...]) -> tuple[str, ...]:
        for limit in limits:
            Limit.parse(limit)
        return limits

    @model_validator(mode="after")
    def _search_fits(self) -> Tune:
        if self.search == "grid":
            endless = [one.path for one in self.dimensions if one.kind in ("range", "log", "log_int")]
            if endless:
                raise FieldError(
                    f"`grid` tries every value, and {', '.join(endless)} has no end of them; use choice, int or step",
                    "search",
                )
        if isinstance(self.objective, dict) and len(self.objective) > 1 and self.prune != "none":
            raise FieldError("trials with several objectives cannot be ended early; say `prune: none`", "prune")
        if isinstance(self.objective, dict) and not self.objective:
            raise FieldError("name a metric, such as `val_auc: max`", "objective")
        return self

    def seconds_within(self, price: str | None) -> float | None:
        """Return how long the search may take with its workers side by side; None without a limit. `price`: what an hour of one
        worker costs. Raises ValueError for a budget of money where no price of the same currency is known."""
        if not isinstance(self.budget, str):
            return self.budget
        money, hour = parse_money(self.budget), parse_money(price) if price else None
        if hour is None or hour.currency != money.currency:
            raise ValueError(lacking_price(money, hour))
        return money.amount / hour.amount * 3600 / self.parallel

    @property
    def bounds(self) -> tuple[Limit, ...]:
        """The limits, in their order."""
        return tuple(map(Limit.parse, self.limits))

    @property
    def dimensions(self) -> tuple[Dimension, ...]:
        """Every value that is searched for, in the order of the space."""
        return tuple(one for path, value in self.space.items() for one in dimensions_of(path, value))


def lacking_price(money: MoneyValue, hour: MoneyValue | None) -> str:
    """Say what a budget of money needs."""
    there = f"and an hour costs {hour}" if hour else "and nothing says what an hour costs"
    return (
        f"`tune.budget` is {money}, {there}. Say `training: {{ price: 1.50 {money.currency} }}` in the file of the environment that "
        "searches, or a budget of time."
    )


def dimensions_of(path: str, value: Any) -> Iterator[Dimension]:
    """Yield what a value of the space searches: itself, what lies below it, or, of a list, the choice of one of its branches and what
    lies below each. Raises ValueError."""
    found = read_dimension(path, value)
    if found is not None:
        yield found
    elif isinstance(value, list):
        if not value:
            raise ValueError("a list of branches holds at least one")
        yield Dimension(path, "choice", tuple(range(len(value))))
        for index, branch in enumerate(value):
            yield from dimensions_of(f"{path}={index}", branch)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from dimensions_of(f"{path}.{name}", part)
