"""Propose what a data set says, from what its columns hold.

Lives here: propose, DatasetProposal, and Choice, what is done with one column and why.
Not here: looking at the data (workloads.data.survey), how a model is trained (defaults), writing YAML (resource_files).
Law: pure; equal surveys give equal proposals, and each choice has its reason.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlops.contracts.survey import ColumnSurvey, Survey
from mlops.errors import InvalidConfig

NUMERIC, CATEGORICAL, CYCLIC, LEFT_OUT, LABEL, SPLIT = "numeric", "categorical", "cyclic", "left out", "label", "split"
FEATURES = (NUMERIC, CATEGORICAL, CYCLIC)
_EXACT = 2**53
_ID = re.compile(r"(^|[_\W])(id|uuid|guid|key|index|rownum)s?($|[_\W])|[a-z]I[dD]$|^unnamed", re.IGNORECASE)
_CODE = re.compile(r"(^|[_\W])(zip|postcode|postal|code|plz)($|[_\W])", re.IGNORECASE)
_BIRTH = re.compile(r"birth|born|dob", re.IGNORECASE)
_TIME = re.compile(r"date|time|day|created|timestamp|at$", re.IGNORECASE)
_CYCLES = {
    "hour": (24, 0, 23),
    "minute": (60, 0, 59),
    "month": (12, 1, 12),
    "weekday": (7, 0, 7),
    "dayofweek": (7, 0, 7),
}
"""Last part of a name -> its period, and the smallest and largest value that it may have."""
_FEW_ROWS, _FEW_VALUES, _MOST_CLASSES, _MOST_NUMBERED = 5, 20, 100, 20


@dataclass(frozen=True)
class Choice:
    """What is done with a column. `use`: a transform, or LEFT_OUT, LABEL, SPLIT. `why`: worth a comment, empty where it is
    plain. `period`: of a cyclic one."""

    column: str
    use: str
    why: str = ""
    period: int | None = None


@dataclass(frozen=True)
class DatasetProposal:
    """A data set, and the task of a model. `task`: None where no label is known. `split`: as YAML says it. `notes`: how the source is read."""

    survey: Survey
    choices: tuple[Choice, ...]
    task: str | None
    task_why: str
    split: dict[str, Any]
    split_why: str

    def columns(self, use: str) -> list[str]:
        return [choice.column for choice in self.choices if choice.use == use]

    @property
    def label(self) -> ColumnSurvey | None:
        return next((column for column in self.survey.columns if column.name == self.survey.label), None)

    @property
    def unlabelled(self) -> int:
        return self.label.missing if self.label else 0

    @property
    def unreadable(self) -> list[str]:
        """Return the columns of types that a data set cannot hold."""
        return [column.name for column in self.survey.columns if column.type == "other"]

    def without_time(self) -> DatasetProposal:
        """Return the same with a split at random."""
        split, why = _random(self.task)
        return replace(self, split=split, split_why=why, choices=tuple(
            Choice(c.column, LEFT_OUT, "a date; derive numbers from it in `sql`, such as its weekday") if c.use == SPLIT else c
            for c in self.choices))  # fmt: skip


def propose(survey: Survey) -> DatasetProposal:
    """Return the proposal. Raises InvalidConfig for a label that nothing can be learned from."""
    label = next((column for column in survey.columns if column.name == survey.label), None)
    task, task_why = _task(label) if label else (None, "")
    time = _time_column(survey.columns, survey.label)
    split, split_why = _by_time(time) if time else _random(task)
    choices = [_choose(column, survey, time.name if time else None) for column in survey.columns]
    if not any(choice.use in FEATURES for choice in choices):
        reasons = "; ".join(f"{choice.column}: {choice.why}" for choice in choices if choice.use == LEFT_OUT)
        raise InvalidConfig.of(
            "no features", f"No column of the data can be a feature. {reasons}. Prepare a table with others first."
        )
    return DatasetProposal(survey, tuple(choices), task, task_why, split, split_why)


def _task(label: ColumnSurvey) -> tuple[str, str]:
    """Return the task, and why."""
    problem = None
    if label.distinct < 2:
        problem = "it has the same value in each row, so there is nothing to learn"
    elif label.type in ("date", "timestamp", "other"):
        problem = f"it is of the type {label.type}; numbers and classes can be predicted"
    elif label.type == "string" and label.distinct > _MOST_CLASSES:
        problem = f"it has {label.distinct:,} different texts, too many to be classes"
    if problem:
        raise InvalidConfig.of(
            "label cannot be learned", f"`{label.name}`: {problem}. Name another column: --label COLUMN"
        )
    if label.distinct == 2:
        (_, most), (rare, few) = label.frequent[:2]
        share = few / (most + few)
        return "binary", f"two values; {_percent(share)} are `{rare}`"
    if label.type == "string":
        return "multiclass", f"{label.distinct} classes"
    if label.whole and label.distinct <= _MOST_NUMBERED:
        return (
            "multiclass",
            f"{label.distinct} whole numbers, taken for classes; for an amount say `task: regression`",
        )
    return "regression", f"numbers from {_number(label.least)} to {_number(label.most)}"


def _choose(column: ColumnSurvey, survey: Survey, time: str | None) -> Choice:
    if column.name == survey.label:
        return Choice(column.name, LABEL)
    if column.name == time:
        return Choice(column.name, SPLIT)
    reason = next(_reasons_against(column, survey.rows), None)
    if reason:
        return Choice(column.name, LEFT_OUT, reason)
    missing = f"missing in {column.missing:,} rows" if column.missing else ""
    if column.type in ("string", "bool"):
        return Choice(column.name, CATEGORICAL, missing)
    if _CODE.search(column.name) and column.whole:
        return Choice(column.name, CATEGORICAL, "whole numbers that are a code, not an amount")
    if period := _period_of(column):
        return Choice(column.name, CYCLIC, "", period)
    return Choice(column.name, NUMERIC, missing and f"{missing}: the median, and a flag")


def _period_of(column: ColumnSurvey) -> int | None:
    """Return the period of a column that counts hours, weekdays or the like, None for another one."""
    last = re.sub(r"[^a-z]", "", re.split(r"[_\W]", column.name.lower())[-1])
    period, least, most = _CYCLES.get(last, (0, 0, 0))
    ends = (column.least, column.most)
    inside = all(isinstance(end, float | int) and least <= end <= most for end in ends)
    return period if period and column.whole and not column.missing and inside else None


def _reasons_against(column: ColumnSurvey, rows: int) -> Iterator[str]:
    """Yield why a column is no feature."""
    present = rows - column.missing
    if column.type == "other":
        yield "of a type that no data set can hold; take parts of it in `sql`"
    if present == 0:
        yield "empty"
    if column.distinct == 1:
        yield "constant"
    if column.missing > 0.95 * rows:
        yield f"missing in {_percent(column.missing / rows)} of the rows"
    if column.tells_label:
        yield "each of its values has one label only: it seems to say the label, not to predict it"
    if column.type in ("date", "timestamp"):
        yield "a date; derive numbers from it in `sql`, such as its weekday"
    unique = column.distinct == present and present > _FEW_VALUES
    is_whole = column.type == "int"
    if unique and column.type == "string":
        yield "unique in each row: an id or a free text"
    if unique and is_whole and (_ID.search(column.name) or _is_dense(column, present)):
        yield "unique in each row: an id"
    if is_whole and any(isinstance(end, float) and abs(end) > _EXACT for end in (column.least, column.most)):
        yield "whole numbers beyond 2^53: an id"
    if column.type == "string" and column.distinct > _FEW_VALUES and present < _FEW_ROWS * column.distinct:
        yield f"{column.distinct:,} different texts in {present:,} rows: too many to learn from"


def _is_dense(column: ColumnSurvey, present: int) -> bool:
    """Say whether whole numbers count the rows: all different, and none, or few, left out between them."""
    if not isinstance(column.least, float) or not isinstance(column.most, float):
        return False
    return column.most - column.least < 1.5 * present


def _time_column(columns: Sequence[ColumnSurvey], label: str | None) -> ColumnSurvey | None:
    """Return the column that says when a row happened: the fullest one whose name says a time."""
    times = [column for column in columns if column.type in ("date", "timestamp") and column.name != label
             and not column.missing and column.distinct >= 10 and _span(column) >= 10 and not _BIRTH.search(column.name)]  # fmt: skip
    return min(times, key=lambda column: not _TIME.search(column.name), default=None)


def _span(column: ColumnSurvey) -> int:
    """Return the days between the oldest and the newest value; 0 where they are not from the years of our calendar."""
    try:
        oldest, newest = (dt.date.fromisoformat(str(end)[:10]) for end in (column.least, column.most))
    except ValueError:
        return 0
    return (newest - oldest).days + 1


def _by_time(column: ColumnSurvey) -> tuple[dict[str, Any], str]:
    days = _span(column)
    unit, length = ("month", 30) if days >= 600 else ("week", 7) if days >= 140 else ("day", 1)
    val, test = max(1, round(0.1 * days / length)), max(1, round(0.2 * days / length))
    split = {"by": "time", "column": column.name, "val": _period(val, unit), "test": _period(test, unit)}
    why = f"{column.name} is a date: train on the past, test on the newest, as it will be used"
    return split, why


def _period(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


def _random(task: str | None) -> tuple[dict[str, Any], str]:
    split: dict[str, Any] = {"by": "random", "val": "10%", "test": "20%", "seed": 7}
    if task in ("binary", "multiclass"):
        return {**split, "stratify": True}, "no date to split by; each split gets its share of every class"
    return split, "no date to split by"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 or share == 0 else f"{100 * share:.2g} %".replace(" %", "%")


def _number(value: float | str | None) -> str:
    return f"{value:g}" if isinstance(value, float | int) else str(value)
