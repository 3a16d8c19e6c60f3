"""Say what the watcher of a monitor reads and writes.

Lives here: WatcherConfig, BaselineFile, WatcherStatus, MonitorFinding, their parts, and the mark of a finding in the watcher's log.
Not here: statistics (workloads.monitoring), what is made of a finding (mlops.monitoring), the watcher's pod (watching).
Law: what a version before this one wrote is read; what it needs is always written.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, field

from mlops.contracts.calibration import WindowCalibration
from mlops.contracts.codec import Contract, Document
from mlops.contracts.live import LiveReference, LiveWindow

FINDING_MARK = "finding "
"""What a line of the watcher's log begins with that goes on with a finding as JSON."""
LABELS_KEEP = 7 * 86400.0
"""Seconds that labels and predictions wait for each other where nothing else is set."""


class DriftTests(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """How a window is compared with the baseline."""

    method: Annotated[
        Literal["auto", "ks", "psi", "chi2", "jensen_shannon"], Meta(description="`auto`: by the column's type.")
    ] = "auto"
    threshold: Annotated[
        float | str, Meta(description="The smallest statistic that matters; `auto`: that of the method.")
    ] = "auto"
    ignore: Annotated[tuple[str, ...], Meta(description="Columns that are not compared.")] = ()
    predictions: Annotated[bool, Meta(description="Compare the distribution of the predictions too.")] = True
    false_alarms: Annotated[
        float, Meta(gt=0, le=0.5, description="Share of the windows of clean traffic that may be found to have moved.")
    ] = 0.01
    floors: Annotated[
        dict[str, float], Meta(description="Column -> the smallest statistic of its distribution that matters.")
    ] = field(default_factory=dict)


class LabelSource(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """Where late labels come from beside `POST /feedback`."""

    source: Annotated[dict[str, Any], Meta(description="A source, as a data set says it.")]
    id: Annotated[str, Meta(description="Column of the request id.")]
    value: Annotated[str, Meta(description="Column of the label; a row without one is left out.")]
    row: Annotated[
        str | None,
        Meta(description="Column that says which row of its request it is, from 0; null: requests have one row."),
    ] = None


class TableLabelsRequest(Document, kw_only=True, frozen=True, omit_defaults=True):
    """What `python -m mlops.workloads.table_labels REQUEST ANSWER` reads; its working folder is the project. ANSWER gets a line of
    JSON for each request that was predicted and has a label, `{"id", "label"}`, or `{"id", "problem"}`."""

    source: Annotated[dict[str, Any], Meta(description="A source, as a data set says it.")]
    id: Annotated[str, Meta(description="Column of the request id.")]
    value: Annotated[str, Meta(description="Column of the label.")]
    row: Annotated[str | None, Meta(description="Column of the row's number in its request.")] = None
    store: Annotated[str, Meta(description="Path of labels.sqlite, which says what was predicted.")]


class WatcherConfig(Document, kw_only=True, frozen=True, omit_defaults=True):
    """What `python -m mlops.workloads.monitoring.baseline CONFIG.json` and `… .watcher CONFIG.json` read.

    The first writes `baseline.json` and `baseline.bin`, a whylogs profile of `data/NAME/train.parquet` and of what the model
    predicts for those rows. The second judges the windows of the prediction log; `--once` ends it when all are judged.
    """

    monitor: Annotated[str, Meta(description="Address of the monitor.")]
    log_dir: Annotated[str, Meta(description="Folder of the prediction log; unused by the baseline.")] = ""
    baseline_dir: Annotated[str, Meta(description="Folder of baseline.json and baseline.bin.")]
    out_dir: Annotated[str, Meta(description="Folder that status.json, labels.sqlite and findings/ lie in.")]
    window: Annotated[float, Meta(gt=0, description="Seconds of a window.")]
    window_rows: Annotated[
        int | None, Meta(description="Rows of a window, whatever time they take; null: windows end by time.")
    ] = None
    min_rows: Annotated[int, Meta(description="A window with fewer rows is joined to the next.")]
    drift: Annotated[DriftTests, Meta(description="The tests.")]
    on_finding: Annotated[str, Meta(description="What mlops does about a finding; the watcher does not read it.")]
    contract: Annotated[str, Meta(description="Path of the model's contract.json.")]
    schema: Annotated[str, Meta(description="Path of the data set's schema.json, beside train.parquet.")]
    profile: Annotated[str, Meta(description="Path of the data set's profile.json.")]
    baseline_digest: Annotated[str, Meta(description="Digest of what the baseline is made from.")]
    metrics: Annotated[dict[str, Any], Meta(description="Metrics of the model when it was trained.")]
    labels_keep: Annotated[
        float, Meta(gt=0, description="Seconds that a prediction waits for its label, and a label for its prediction.")
    ] = LABELS_KEEP
    labels_source: Annotated[
        LabelSource | None, Meta(description="Where labels come from beside `POST /feedback`; null: from nowhere.")
    ] = None
    slices: Annotated[tuple[str, ...], Meta(description="Columns by whose values late labels are measured too.")] = ()
    scores: Annotated[
        str | None,
        Meta(
            description="Folder of a batch's Parquet files, each a window, in the place of a prediction log; null: there is a log."
        ),
    ] = None
    metrics_port: Annotated[
        int | None, Meta(description="Port that Prometheus reads `/metrics` at; null: the file metrics.prom alone.")
    ] = None
    metrics_host: Annotated[str, Meta(description="Address that the port is opened at.")] = "127.0.0.1"
    time_column: Annotated[
        str | None, Meta(description="Column of train.parquet by which its rows follow each other; null: as they lie.")
    ] = None


class BaselineColumn(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """What all training rows hold in one column. A fact that is null switches its own check off."""

    known: Annotated[int, Meta(description="Values that are not missing.")]
    values: Annotated[
        tuple[str, ...] | None,
        Meta(description="Every value, as text; null for numbers, and where there are too many."),
    ] = None
    once: Annotated[
        int, Meta(description="Values that occur once: so many rows would have been new to the others.")
    ] = 0
    least: Annotated[float | None, Meta(description="The smallest number.")] = None
    most: Annotated[float | None, Meta(description="The largest number.")] = None
    mode: Annotated[float | str | None, Meta(description="The value that occurs most often.")] = None
    mode_share: Annotated[float | None, Meta(description="Its share of the known values.")] = None
    mean: Annotated[float | None, Meta(description="Mean; of predictions alone.")] = None
    deviation: Annotated[float | None, Meta(description="Standard deviation; of predictions alone.")] = None


class BaselineFile(Document, kw_only=True, frozen=True):
    """`baseline.json`: what the tests need besides `baseline.bin`."""

    kinds: Annotated[dict[str, str], Meta(description="Column -> `number` or `text`: how it is compared.")]
    rows: Annotated[int, Meta(description="Rows that the profile was made from.")]
    digest: Annotated[str, Meta(description="Digest of what the baseline is made from.")]
    metrics: Annotated[dict[str, Any], Meta(description="Metrics of the model when it was trained.")]
    task: Annotated[str, Meta(description="Task of the model.")]
    profile: Annotated[
        str | None, Meta(description="sha256 of baseline.bin; null in files of a version that wrote none.")
    ] = None
    columns: Annotated[
        dict[str, BaselineColumn] | None,
        Meta(description="Column -> what training held; null in files of a version that wrote none: no such checks."),
    ] = None
    calibration: Annotated[
        WindowCalibration | None,
        Meta(
            description="What windows of the training data do among themselves; null where they are too few for that, and in files of a version that wrote none: tests by formula."
        ),
    ] = None
    reference: Annotated[
        LiveReference | None,
        Meta(
            description="How the model did on rows that it did not learn from; null where they have no labels, and in files of a version that wrote none: late labels are compared with `metrics` alone."
        ),
    ] = None


class LabelCounts(Contract, kw_only=True, frozen=True):
    """Where the late labels stand: requests, of which one may have several rows."""

    joined: Annotated[int, Meta(description="Labels that have their prediction.")] = 0
    waiting: Annotated[int, Meta(description="Labels whose prediction is not in the log yet.")] = 0
    refused: Annotated[int, Meta(description="Labels that were set aside, with their reasons, in labels.sqlite.")] = 0
    reason: Annotated[str | None, Meta(description="Why the last one was set aside.")] = None
    source: Annotated[
        str | None, Meta(description="Why the source of labels could not be read the last time; null where it could.")
    ] = None


class WatcherStatus(Document, kw_only=True, frozen=True):
    """`OUT_DIR/status.json`, replaced as a whole: where the watcher stands, kept over a restart."""

    windows: Annotated[int, Meta(description="Windows judged.")] = 0
    last: Annotated[str | None, Meta(description="End of the last window judged, as ISO text.")] = None
    rows: Annotated[int, Meta(description="Rows judged.")] = 0
    live: Annotated[dict[str, float], Meta(description="Metrics from late labels, with the number of `rows`.")] = field(
        default_factory=dict
    )
    intervals: Annotated[
        dict[str, tuple[float, ...]], Meta(description="Metric of `live` -> lower and upper bound of 95 %.")
    ] = field(default_factory=dict)
    live_windows: Annotated[
        tuple[LiveWindow, ...], Meta(description="The last windows of labelled rows, the oldest first.")
    ] = ()
    live_slices: Annotated[
        dict[str, LiveWindow], Meta(description="COLUMN=VALUE -> the labelled rows of `live` that are of it.")
    ] = field(default_factory=dict)
    estimated: Annotated[
        dict[str, tuple[float, ...]],
        Meta(
            description="Metric -> what it seems to be in the last window by how sure the model is, and the bounds of 95 %; no label is in it."
        ),
    ] = field(default_factory=dict)
    cursor: Annotated[float | None, Meta(description="Start of the next window, in Unix seconds.")] = None
    read: Annotated[
        dict[str, int] | None,
        Meta(
            description="Segment of the log -> bytes of it that were judged; none of a watcher that kept the time alone."
        ),
    ] = None
    quiet: Annotated[int, Meta(description="Windows with too few rows that are joined to the next.")] = 0
    labels: Annotated[LabelCounts, Meta(description="Where the late labels stand.")] = LabelCounts()


class FindingColumn(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """One test of one column that moved, or the metric that is worse."""

    name: Annotated[str, Meta(description="The column, or the metric.")]
    method: Annotated[
        str,
        Meta(
            description="The test: `ks`, `chi2`, `psi`, `jensen_shannon` of the distribution; `mean`, `answers` of the predictions; `missing`, `unseen`, `outside`, `constant` of the values; `duplicates` of whole rows; `refused`, `failed`, `volume` of the requests; `joint` of two columns; `live` for a metric."
        ),
    ]
    statistic: Annotated[float, Meta(description="What the test measured.")]
    p: Annotated[float | None, Meta(description="How likely chance alone does this; null where the test has none.")]
    threshold: Annotated[float, Meta(description="From where it matters.")]
    examples: Annotated[tuple[str, ...], Meta(description="Values that training never had.")] = ()
    explains: Annotated[
        float | None,
        Meta(
            description="Share of the shift of its last window that the column explains, in all its tests; null where that is not known."
        ),
    ] = None


class MonitorFinding(Document, kw_only=True, frozen=True, omit_defaults=True):
    """`OUT_DIR/findings/ID.json`, and a line of the watcher's log after `finding `.

    `ID.ack.json` beside it, `{"reason", "who", "at"}`, acknowledges it. One open finding is extended by later windows rather
    than repeated, and is closed by three windows in a row that do not show it; an acknowledged one is not raised again for
    the same columns against the same baseline.
    """

    id: Annotated[str, Meta(description="KIND-DATE-TIME.")]
    monitor: Annotated[str, Meta(description="Address of the monitor.")]
    kind: Annotated[
        Literal["drift", "concept", "quality", "labels"],
        Meta(
            description="Columns moved; a live metric is worse; values are missing or unlike those of training; labels are unlike those of training."
        ),
    ]
    since: Annotated[str, Meta(description="Start of the first window that showed it, as ISO text.")]
    until: Annotated[str, Meta(description="End of the last window that showed it, as ISO text.")]
    rows: Annotated[int, Meta(description="Rows of the windows that showed it.")]
    columns: Annotated[tuple[FindingColumn, ...], Meta(description="What moved.")]
    windows: Annotated[int, Meta(description="How many windows showed it.")]
    baseline_digest: Annotated[str, Meta(description="Digest of the baseline that was compared with.")]
    live: Annotated[dict[str, float], Meta(description="Metrics from late labels.")] = field(default_factory=dict)
    baseline: Annotated[dict[str, Any], Meta(description="Metrics of the model when it was trained.")] = field(
        default_factory=dict
    )
    tested: Annotated[int | None, Meta(description="How many columns were tested.")] = None
    severity: Annotated[
        Literal["warning", "critical"],
        Meta(
            description="`critical`: the model is worse, something measured twice what it may, or more than half of the rows are concerned."
        ),
    ] = "warning"
    note: Annotated[
        str | None,
        Meta(description="What the training data cannot show, such as a season; null where nothing is known of that."),
    ] = None
    clean: Annotated[int, Meta(description="Windows since the last that showed it.")] = 0
    closed: Annotated[
        str | None, Meta(description="End of the window that closed it, as ISO text; null while it is open.")
    ] = None
