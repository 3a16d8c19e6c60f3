"""Say what is watched.

Lives here: Monitor, with its drift tests and its late labels.
Not here: computing statistics (workloads).
Law: nothing here retrains; a finding proposes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from mlops.config.schema.base import Column, FieldError, Name, Resource, Strict, Unsaid, spec_field
from mlops.config.schema.category import Category
from mlops.config.schema.sources.source import BY_SCHEME, SourceSpec
from mlops.config.schema.units import Duration, format_share, parse_share

_MONTH = 30 * 86400.0
_PERIODS = {"hour": 3600.0, "day": 86400.0, "week": 7 * 86400.0, "month": _MONTH, "year": 365 * 86400.0}


@dataclass(frozen=True, slots=True)
class FalseAlarmRate:
    """A number of false alarms in `seconds`; without seconds, a share of the windows."""

    number: float
    seconds: float | None = None

    def __str__(self) -> str:
        period = next((name for name, seconds in _PERIODS.items() if seconds == self.seconds), None)
        return format_share(self.number) if period is None else f"{self.number:g} per {period}"


def parse_false_alarms(value: Any) -> FalseAlarmRate:
    if isinstance(value, FalseAlarmRate):
        return value
    text = value.strip() if isinstance(value, str) else ""
    found = re.fullmatch(rf"(\d+(?:\.\d+)?)\s*(?:per|/)\s*({'|'.join(_PERIODS)})", text)
    if found and float(found[1]) > 0:
        return FalseAlarmRate(float(found[1]), _PERIODS[found[2]])
    try:
        share = parse_share(value)
    except ValueError:
        share = 0.0
    if 0 < share <= 0.5:
        return FalseAlarmRate(share)
    raise ValueError(
        f"`{value}` is not a rate of false alarms; write how many per hour, day, week, month or year, such as 1 per month, or a share of the windows up to 50%, such as 0.1%"
    )


FalseAlarms = Annotated[
    FalseAlarmRate,
    BeforeValidator(parse_false_alarms),
    PlainSerializer(str, when_used="json"),
    WithJsonSchema({"type": ["string", "number"], "x-unit": "rate"}),
]


class DriftPolicy(Strict):
    false_alarms: FalseAlarms = spec_field(
        FalseAlarmRate(1, _MONTH),
        doc="How often clean traffic may be found to have moved, all tests together: `1 per month`, `2 per week`; a share is of the windows. Thresholds are calibrated to it on windows of the training data.",
    )
    floors: Mapping[Column, float] = spec_field(
        {}, doc="Column → the smallest statistic of its distribution that matters. Default: that of the method."
    )
    method: Literal["auto", "ks", "psi", "chi2", "jensen_shannon"] = spec_field(
        "auto", doc="`auto`: by the column's type."
    )
    threshold: float | Literal["auto"] = spec_field("auto", doc="`auto`: corrected for the number of columns.")
    ignore: tuple[Column, ...] = spec_field((), doc="Columns not tested.")
    predictions: bool = spec_field(True, doc="Test the distribution of the predictions too.")


class LabelPolicy(Strict):
    keep: Duration = spec_field(
        604800.0, doc="How long a prediction waits for its label (`POST /feedback`), and a label for its prediction."
    )
    source: Annotated[SourceSpec, BY_SCHEME] | None = spec_field(
        None,
        doc="Where labels come from too: a table or a file, as data sets have them. It is read again after each window, once a minute "
        "at most; requests that nobody predicted are left out. Default: from `POST /feedback` alone.",
    )
    id: Column = spec_field("request_id", doc="Column of `source` with the `x-request-id` of the answer.")
    value: Column = spec_field("label", doc="Column of `source` with the label; a row without one is left out.")
    row: Column | None = spec_field(
        None,
        doc="Column of `source` that says which row of its request it is, the first is 0. Default: each request has one row.",
    )

    @model_validator(mode="after")
    def _readable(self) -> LabelPolicy:
        for field in ("id", "value", "row"):
            if self.source is None and getattr(self, field) != type(self).model_fields[field].default:
                raise FieldError(
                    "it is a column of `labels.source`, which says nothing; say where labels come from", field
                )
        if self.source is not None and self.source.reference() is not None:
            raise FieldError("labels come from a table or a file outside, not from a resource of the project", "source")
        return self


class Monitor(Resource):
    """An endpoint or a batch, watched against the data its model was trained on."""

    order: ClassVar[int] = 60

    endpoint: Name | None = spec_field(
        None,
        doc="What is watched. Default: the endpoint of its own name.",
        change=Category.RECONFIGURE,
        refers="endpoint",
        unsaid=Unsaid.OWN_NAME,
        instead="batch",
    )
    batch: Name | None = spec_field(
        None,
        doc="A batch in the place of an endpoint: each of its intervals is a window.",
        change=Category.RECONFIGURE,
        refers="batch",
    )
    window: Duration = spec_field(
        3600.0,
        doc="Length of a window of the prediction log; of a batch, its intervals are the windows.",
        change=Category.RECONFIGURE,
    )
    window_rows: int | None = spec_field(
        None,
        doc="A window ends after so many rows, whatever time they take; `window` is then how long that usually is, for `drift.false_alarms`. "
        "Default: windows end by time.",
        ge=20,
        change=Category.RECONFIGURE,
    )
    min_rows: int = Field(
        500,
        ge=20,
        description="A window with fewer rows is joined to the next.",
        json_schema_extra={"x-change": "RECONFIGURE"},
    )
    drift: DriftPolicy = spec_field(DriftPolicy(), doc="The tests.", change=Category.RECONFIGURE)
    labels: LabelPolicy = spec_field(LabelPolicy(), doc="Late labels.", change=Category.RECONFIGURE)
    slices: tuple[Column, ...] = spec_field(
        (), doc="Columns by whose values late labels are measured too.", change=Category.RECONFIGURE
    )
    on_finding: Literal["propose", "record", "apply"] = spec_field(
        "propose",
        doc="`propose` adds an edit of the YAML to the finding; `apply` has `mlops watch` make that edit and apply it, where nothing "
        "else is pending, and take it back where a gate is missed; `record` does neither.",
        change=Category.RECONFIGURE,
    )
    metrics_port: int | None = Field(
        None, ge=1024, le=65535,
        description="Port at which Prometheus reads what was found, at `/metrics`: on loopback here, of the pod on Kubernetes. "
        "Default: none; the same text is in `metrics.prom` in the monitor's folder.",
        json_schema_extra={"x-change": "RECONFIGURE"},
    )  # fmt: skip
    schedule: str | None = Field(
        None,
        description="On Kubernetes: cron text (UTC). Look then, for endpoints that are asked in batches. Default: all the time.",
        json_schema_extra={"x-change": "RECONFIGURE"},
    )

    @model_validator(mode="after")
    def _one_is_watched(self) -> Monitor:
        if (self.endpoint is None) == (self.batch is None):
            raise FieldError("it watches either an endpoint or a batch; take one out", "batch")
        return self
