"""Say what the calibration of a monitor's tests holds.

Lives here: WindowCalibration, a part of the baseline, and its parts.
Not here: making it and judging by it (workloads.monitoring).
Law: any rate of false alarms and any length of windows can be chosen afterwards; neither is in it.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mlops.contracts.codec import Contract


class ColumnBins(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """The bins of one column: of numbers up to each edge, or of texts."""

    edges: Annotated[tuple[float, ...] | None, Meta(description="Upper ends of all bins of numbers but the last.")] = (
        None
    )
    texts: Annotated[tuple[str, ...] | None, Meta(description="The texts that have a bin each; null for numbers.")] = (
        None
    )
    least: Annotated[float | None, Meta(description="The smallest number of training.")] = None
    most: Annotated[float | None, Meta(description="The largest number of training.")] = None
    grid: Annotated[
        tuple[float, ...] | None, Meta(description="Every number of training; null where there are too many.")
    ] = None
    counts: Annotated[tuple[int, ...], Meta(description="Training rows in each bin, in other values, missing.")] = ()


class Dependence(Contract, kw_only=True, frozen=True):
    """How two columns go together: the logarithm of how much more often two bins meet than by chance."""

    left: Annotated[str, Meta(description="A column.")]
    right: Annotated[str, Meta(description="The other.")]
    scores: Annotated[tuple[float, ...], Meta(description="Score of each pair of coarse bins, row by row of `left`.")]
    mean: Annotated[float, Meta(description="Mean score of the training rows.")]


class Tail(Contract, kw_only=True, frozen=True, array_like=True):
    """How a statistic of clean windows is distributed above its ninth decile: generalised Pareto."""

    start: Annotated[float, Meta(description="Where it begins.")]
    scale: Annotated[float, Meta(description="Scale of the distribution; 0 where no window was above the start.")]
    shape: Annotated[float, Meta(description="Shape of the distribution; 0: exponential.")]
    most: Annotated[float, Meta(description="The largest value of all windows.")]


class WindowTails(Contract, kw_only=True, frozen=True):
    """The tails of all statistics, for windows of some sizes."""

    sizes: Annotated[tuple[int, ...], Meta(description="Rows of the windows that were compared.")]
    each: Annotated[dict[str, dict[str, tuple[Tail, ...]]], Meta(description="Method -> column -> tail at each size.")]
    joint: Annotated[
        tuple[Tail, ...],
        Meta(description="At each size: minus the logarithm of the smallest tail probability of all tests."),
    ]


class WindowCalibration(Contract, kw_only=True, frozen=True):
    """What windows of the training data do among themselves."""

    columns: Annotated[dict[str, ColumnBins], Meta(description="Column -> its bins, and the training rows in each.")]
    dependences: Annotated[tuple[Dependence, ...], Meta(description="Pairs of columns that go together.")]
    method: Annotated[str, Meta(description="How distributions were compared.")]
    ordered: Annotated[WindowTails, Meta(description="Of rows that follow each other in time.")]
    shuffled: Annotated[
        WindowTails | None,
        Meta(description="Of rows in no order; null where the order of training rows cannot be told."),
    ] = None
    order_column: Annotated[
        str | None, Meta(description="The column in which rows that follow each other are most alike.")
    ] = None
    order: Annotated[
        float, Meta(description="How much more often than by chance two such rows share a bin there (Cohen's kappa).")
    ] = 0.0
    since: Annotated[str | None, Meta(description="The oldest training row; null without a column of time.")] = None
    until: Annotated[str | None, Meta(description="The newest training row; null without a column of time.")] = None
    rows_per_second: Annotated[
        float | None, Meta(description="Training rows by their column of time; null without one.")
    ] = None
