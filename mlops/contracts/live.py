"""Say how a model does by late labels, how it seems to do before they come, and how it is asked.

Lives here: LiveReference, a part of the baseline; LiveWindow, a part of the watcher's status;
TrafficFile, how the endpoint was asked.
Not here: what is computed (workloads.monitoring), findings (watcher).
Law: an estimate is never called a measurement.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from mlops.contracts.calibration import ColumnBins, WindowCalibration
from mlops.contracts.codec import Contract, Document


class LiveReference(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """How the model did on rows that it did not learn from. A miss is a row that was predicted wrongly: another class, or a loss
    above `limit`; of two classes, it is a pair of rows, one of each and near to each other in time, that the model put in the wrong
    order."""

    misses: Annotated[float, Meta(description="Misses of the test split.")]
    trials: Annotated[float, Meta(description="Rows, or pairs of rows, of the test split that were looked at.")]
    dispersion: Annotated[
        float,
        Meta(
            description="How much more misses of blocks of rows that follow each other vary than by chance; so many trials count as one."
        ),
    ] = 1.0
    limit: Annotated[
        float | None, Meta(description="The loss above which a row is a miss: four of five test rows are below it.")
    ] = None
    bins: Annotated[
        ColumnBins | None, Meta(description="Bins of the model's confidence; null: nothing is estimated.")
    ] = None
    right: Annotated[
        tuple[int, ...],
        Meta(
            description="Rows of the validation split in each bin that were right; of two classes, that were the second."
        ),
    ] = ()
    labels: Annotated[
        WindowCalibration | None,
        Meta(description="How the labels of windows of the training data differ; null where they are too few."),
    ] = None


class LiveWindow(Contract, kw_only=True, frozen=True):
    """Some hundred labelled rows that followed each other, or more."""

    until: Annotated[str, Meta(description="When the last of their labels came, as ISO text.")]
    rows: Annotated[int, Meta(description="Labelled rows.")]
    metrics: Annotated[dict[str, float], Meta(description="Metric -> value.")] = field(default_factory=dict)
    intervals: Annotated[dict[str, tuple[float, ...]], Meta(description="Metric -> lower and upper bound of 95 %.")] = (
        field(default_factory=dict)
    )


class TrafficWindow(Contract, kw_only=True, frozen=True):
    """How an endpoint was asked in one window."""

    start: Annotated[float, Meta(description="In Unix seconds.")]
    end: Annotated[float, Meta(description="In Unix seconds.")]
    requests: Annotated[int, Meta(description="Answers of every status.")]
    refused: Annotated[int, Meta(description="Those of status 422: rows that did not fit.")]
    failed: Annotated[int, Meta(description="Those of every other status from 400 on.")]
    moved: Annotated[bool, Meta(description="Whether it was unusual; later windows are not held against it.")] = False


class TrafficFile(Document, kw_only=True, frozen=True):
    """`OUT_DIR/traffic.json`: the last windows, which the next is held against."""

    windows: Annotated[tuple[TrafficWindow, ...], Meta(description="The oldest first.")] = ()
