"""Say what a plan asks of data, and what it is answered: the columns that a data set would have.

Lives here: DescribeRequest, which the control plane writes, and DescribeAnswer, which `mlops.workloads.data.describe` writes.
Not here: reading data (workloads.data.describe), judging columns (config.validate.columns).
Law: an answer depends on the sources, their options, the SQL and the code alone.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from mlops.contracts.codec import Contract, Document


class ColumnSchema(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """One column of the result of a data set's SQL."""

    name: Annotated[str, Meta(description="Name of the column.")]
    type: Annotated[
        Literal["bool", "int", "float", "string", "date", "timestamp", "image"],
        Meta(description="Its type in the contract."),
    ]
    inexact: Annotated[
        bool, Meta(description="Whole numbers beyond 2^53, which a model cannot tell apart, are among its first rows.")
    ] = False
    advice: Annotated[str, Meta(description="Of a text: the option of its source that would make it numbers.")] = ""


class DescribeProblem(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """Why the columns of a data set cannot be known."""

    summary: Annotated[str, Meta(description="What is wrong, in a few words.")]
    detail: Annotated[str, Meta(description="What, why, and what to do next.")]
    field: Annotated[str, Meta(description="The field of the data set that it is about, such as `sql`.")] = "sql"
    hint: Annotated[str | None, Meta(description="Such as: Did you mean `late`?")] = None
    line: Annotated[int | None, Meta(description="The line of the SQL that it is about, from 1.")] = None


class DataSchema(Document, kw_only=True, frozen=True):
    """`.mlops/cache/schemas/KEY.json`: the columns of one data set, or why they cannot be known."""

    columns: Annotated[tuple[ColumnSchema, ...], Meta(description="In the order of the SQL.")] = ()
    problems: Annotated[tuple[DescribeProblem, ...], Meta(description="Empty where the columns are known.")] = ()

    @property
    def types(self) -> dict[str, str]:
        """Column -> type."""
        return {column.name: column.type for column in self.columns}


class DescribeRequest(Document, kw_only=True, frozen=True):
    """What `python -m mlops.workloads.data.describe REQUEST ANSWER` reads; its working folder is the project."""

    datasets: Annotated[
        dict[str, dict[str, Any]],
        Meta(description="Name -> the data set's fields, defaults left out; see `mlops schema`."),
    ]
    prepared: Annotated[
        dict[str, dict[str, str]],
        Meta(
            description="Name of a data set that others read and that is not asked for -> its columns, with their types."
        ),
    ] = field(default_factory=dict)


class DescribeAnswer(Document, kw_only=True, frozen=True):
    """What it writes."""

    datasets: Annotated[
        dict[str, DataSchema],
        Meta(description="Name -> its columns; without those that read a data set which has problems."),
    ] = field(default_factory=dict)
