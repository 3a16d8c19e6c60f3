"""Say what `mlops init` asks of data, and what it is answered.

Lives here: SurveyRequest and Survey, of a source that no data set names yet; FirstLookRequest and FirstLook, of a data set that
is proposed.
Not here: reading data (workloads.data.survey, workloads.data.first_look), proposing (scaffold).
Law: an answer depends on the source and the request alone.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from mlops.contracts.codec import Contract, Document


class SurveyProblem(Contract, kw_only=True, frozen=True):
    """Why a question cannot be answered."""

    summary: Annotated[str, Meta(description="What is wrong, in a few words.")]
    detail: Annotated[str, Meta(description="What, why, and what to do next.")]


class SurveyRequest(Document, kw_only=True, frozen=True):
    """What `python -m mlops.workloads.data.survey REQUEST ANSWER` reads; its working folder is the project."""

    source: Annotated[dict[str, Any], Meta(description="The source's fields, as a data set would say them.")]
    label: Annotated[str | None, Meta(description="The column to predict; without it, one is guessed by its name.")] = (
        None
    )


class ColumnSurvey(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """What one column of a source holds."""

    name: Annotated[str, Meta(description="Name of the column.")]
    type: Annotated[str, Meta(description="Its type in the contract, or `other`, which no data set can hold.")]
    missing: Annotated[int, Meta(description="Rows without a value.")] = 0
    distinct: Annotated[int, Meta(description="How many values there are; of millions of rows, about.")] = 0
    least: Annotated[float | str | None, Meta(description="The smallest number, or the oldest time.")] = None
    most: Annotated[float | str | None, Meta(description="The largest number, or the newest time.")] = None
    whole: Annotated[bool, Meta(description="All its numbers are whole.")] = False
    frequent: Annotated[
        tuple[tuple[str, int], ...], Meta(description="The most frequent values, with their rows.")
    ] = ()
    tells_label: Annotated[bool, Meta(description="Each of its values has one label only.")] = False


class Survey(Document, kw_only=True, frozen=True):
    """What it writes."""

    source: Annotated[
        dict[str, Any], Meta(description="The source's fields, with the options that reading it needs.")
    ] = field(default_factory=dict)
    notes: Annotated[tuple[str, ...], Meta(description="Why the options are there.")] = ()
    rows: Annotated[int, Meta(description="Rows of the source.")] = 0
    label: Annotated[str | None, Meta(description="The column to predict, None where none looks like one.")] = None
    columns: Annotated[tuple[ColumnSurvey, ...], Meta(description="In the order of the source.")] = ()
    problems: Annotated[tuple[SurveyProblem, ...], Meta(description="Empty where the source could be read.")] = ()


class FirstLookRequest(Document, kw_only=True, frozen=True):
    """What `python -m mlops.workloads.data.first_look REQUEST ANSWER` reads."""

    dataset: Annotated[
        dict[str, Any], Meta(description="The data set's fields, defaults left out; paths are absolute.")
    ]
    task: Annotated[str, Meta(description="What is to be predicted: binary, multiclass or regression.")]


class FirstLook(Document, kw_only=True, frozen=True):
    """What it writes: how well a linear model does on the test split."""

    metric: Annotated[str, Meta(description="The metric, such as `test_auc`; empty where nothing was measured.")] = ""
    value: Annotated[float, Meta(description="What a logistic or ridge regression reaches.")] = 0.0
    error: Annotated[float, Meta(description="The standard error of that value, for this many test rows.")] = 0.0
    trivial: Annotated[float, Meta(description="What always giving the same answer reaches.")] = 0.0
    width: Annotated[int, Meta(description="How many numbers the features become.")] = 0
    rows: Annotated[dict[str, int], Meta(description="Rows of each split.")] = field(default_factory=dict)
    problems: Annotated[tuple[SurveyProblem, ...], Meta(description="Why the data set cannot be made so.")] = ()
