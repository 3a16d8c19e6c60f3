"""Say what the prediction log of an endpoint may say as a source.

Lives here: EndpointSource.
Not here: where the log lies (mlops.sources.endpoint), reading it (workloads.data.sources.endpoint).
Law: what is read is a window with two ends, so that a log that grows changes no data set.
"""

from __future__ import annotations

import datetime as dt
from typing import ClassVar

from pydantic import field_validator, model_validator

from mlops.address import NAME
from mlops.config.schema.base import Column, FieldError, Name, spec_field
from mlops.config.schema.column_types import ColumnType
from mlops.config.schema.sources.source import SourceSpec
from mlops.sources.endpoint import PARTS, endpoint_name, log_part


class EndpointSource(SourceSpec):
    """Rows that an endpoint was asked about, with its predictions, and with the labels that came later."""

    uri_begins: ClassVar[str | None] = r"^endpoint://"
    uri: str = spec_field(
        doc="`endpoint://NAME/predictions` is a row for each row that was predicted: what was asked, `predicted_…`, and "
        "`request_id`, `request_row`, `request_time`, `request_version`. `endpoint://NAME/feedback` is those of them that have "
        "a label, with `label`."
    )
    since: str = spec_field(doc="Where the window begins, such as `2024-03-01` or `2024-03-01T12:00`, in UTC.")
    until: str = spec_field(
        doc="Where it ends; not in it itself. The window is read once and pinned by its content: `--refresh-data` reads again."
    )
    labels_until: str | None = spec_field(
        None, doc="Labels of the window's predictions that came before this time count. Default: `until`."
    )
    environment: Name = spec_field("dev", doc="The environment in which the endpoint runs.")
    log: str | None = spec_field(
        None,
        doc="A folder with the segments of the log, where the endpoint runs elsewhere. Default: its log on this machine.",
    )
    columns: tuple[Column, ...] | None = spec_field(None, doc="Read only these columns.")
    types: dict[Column, ColumnType] = spec_field({}, doc="Column -> type, where the values mislead.")

    @field_validator("uri")
    @classmethod
    def _well_formed(cls, uri: str) -> str:
        if not NAME.fullmatch(endpoint_name(uri)) or log_part(uri) not in PARTS:
            raise FieldError("write `endpoint://NAME/predictions` or `endpoint://NAME/feedback`")
        return uri

    @field_validator("since", "until", "labels_until")
    @classmethod
    def _a_time(cls, time: str | None) -> str | None:
        if time is not None:
            seconds_of(time)
        return time

    @model_validator(mode="after")
    def _in_order(self) -> EndpointSource:
        if seconds_of(self.until) <= seconds_of(self.since):
            raise FieldError(f"the window ends before it begins ({self.since})", "until")
        if self.labels_until is not None:
            if log_part(self.uri) != "feedback":
                raise FieldError("predictions alone have no labels; take it out, or read `…/feedback`", "labels_until")
            if seconds_of(self.labels_until) < seconds_of(self.until):
                raise FieldError(f"labels come after predictions, and these end later ({self.until})", "labels_until")
        return self


def seconds_of(time: str) -> float:
    """Return a time as Unix seconds; it is in UTC where it says no zone. Raises FieldError."""
    try:
        read = dt.datetime.fromisoformat(time)
    except ValueError as error:
        raise FieldError(f"`{time}` is no time; write `2024-03-01` or `2024-03-01T12:00`") from error
    return (read if read.tzinfo else read.replace(tzinfo=dt.UTC)).timestamp()
