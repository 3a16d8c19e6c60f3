"""Read the prediction log of an endpoint as a table.

Lives here: EndpointReader.
Not here: lines of the log (workloads.prediction_log), where it lies (mlops.sources.endpoint).
Law: the rows depend on the lines of the window alone, in whatever order and segments they were written.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb

from mlops.config.schema.sources.endpoint import EndpointSource, seconds_of
from mlops.errors import MlopsError
from mlops.sources.endpoint import endpoint_name, log_folders, log_part
from mlops.workloads.data.sources.selection import selected
from mlops.workloads.data.sources.source import Place
from mlops.workloads.data.sql_text import literal_path, quoted
from mlops.workloads.prediction_log import LogEntry, entries_between
from mlops.workloads.stage import failed

_Row = dict[str, Any]


class EndpointReader:
    """Reads one window."""

    def fingerprint(self, spec: EndpointSource, place: Place) -> str:
        digests = sorted(
            hashlib.md5(json.dumps(row, sort_keys=True).encode(), usedforsecurity=False).digest()
            for row in _rows(spec, place.root)
        )
        if not digests:
            raise _empty(spec, place.root)
        return hashlib.md5(b"".join(digests), usedforsecurity=False).hexdigest()

    def open(self, connection: duckdb.DuckDBPyConnection, table_name: str, spec: EndpointSource, place: Place) -> None:
        rows = sorted(
            _rows(spec, place.root), key=lambda row: (row["request_time"], row["request_id"], row["request_row"])
        )
        if not rows:
            raise _empty(spec, place.root)
        names = list(dict.fromkeys(name for row in rows for name in row))
        path = Path(mkdtemp(dir=place.scratch)) / "rows.jsonl"
        with path.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps({name: row.get(name) for name in names}) + "\n" for row in rows)
        call = "read_json(?, format = 'newline_delimited', sample_size = -1, map_inference_threshold = -1)"
        query = selected(call, columns=spec.columns, types=spec.types)
        connection.execute(f"CREATE TABLE {quoted(table_name)} AS {query}", [literal_path(str(path))]).fetchall()

    def close(self) -> None:
        """Hold nothing."""


def _rows(spec: EndpointSource, root: Path) -> Iterator[_Row]:
    """Yield the rows of the window; of feedback, those that have a label. Raises MlopsError where there is no log."""
    since, until = seconds_of(spec.since), seconds_of(spec.until)
    end = seconds_of(spec.labels_until or spec.until)
    if end > time.time():
        field = "labels_until" if spec.labels_until else "until"
        raise failed(
            "window is not over",
            f"`{spec.uri}`: `{field}` lies in the future, so the rows of today would not be those of tomorrow. Say a time that "
            "is over.",
        )
    folders = _folders(spec, root)
    labels = _labels(folders, since, end) if log_part(spec.uri) == "feedback" else None
    for folder in folders:
        for entry in entries_between(folder, since, until):
            if entry.feedback is None and entry.rows:
                yield from _rows_of(entry, labels)


def _folders(spec: EndpointSource, root: Path) -> list[Path]:
    name = endpoint_name(spec.uri)
    folders = [root / spec.log] if spec.log else log_folders(root, spec.environment, name)
    if not any(folder.is_dir() for folder in folders):
        where = root / spec.log if spec.log else f"the environment {spec.environment} on this machine"
        raise failed(
            "source not found",
            f"`{spec.uri}`: {where} has no prediction log of the endpoint {name}. Correct `uri` or `environment`, or name a "
            "folder with a copy of the log in `log`.",
        )
    return folders


def _labels(folders: list[Path], since: float, until: float) -> Mapping[str, Any]:
    """Return request id -> the last label that was given."""
    newest: dict[str, tuple[float, str, Any]] = {}
    for folder in folders:
        for entry in entries_between(folder, since, until):
            if entry.feedback is None or "label" not in entry.feedback:
                continue
            label = entry.feedback["label"]
            found = (entry.at, json.dumps(label, sort_keys=True), label)
            name = str(entry.feedback.get("id"))
            newest[name] = max(newest.get(name, found), found, key=lambda one: one[:2])
    return {name: label for name, (_, _, label) in newest.items()}


def _rows_of(entry: LogEntry, labels: Mapping[str, Any] | None) -> Iterator[_Row]:
    """Yield the rows of a request. `labels`: None where rows without a label count too."""
    given: list[Any] = []
    if labels is not None:
        if entry.id not in labels:
            return
        label = labels[entry.id]
        given = label if isinstance(label, list) else [label]
    moment = f"{dt.datetime.fromtimestamp(entry.at, dt.UTC):%Y-%m-%d %H:%M:%S.%f}"
    for index, (row, prediction) in enumerate(zip(entry.rows, entry.predictions, strict=False)):
        if labels is not None and (index >= len(given) or given[index] is None):
            continue
        own = {
            **_predicted(prediction), "request_id": entry.id, "request_row": index, "request_time": moment,
            "request_version": entry.version, **({} if labels is None else {"label": given[index]}),
        }  # fmt: skip
        if both := sorted(set(row) & set(own)):
            raise failed(
                "column stands twice",
                f"The rows that the endpoint was asked about have a column `{both[0]}`, which is what the log calls something "
                "of its own. Rename the column where the requests are made.",
            )
        yield {**row, **own}


def _predicted(prediction: Mapping[str, Any]) -> _Row:
    """Return the columns of a prediction: `predicted_LABEL`, `predicted_probability`, `predicted_probability_CLASS`."""
    columns: _Row = {}
    for name, value in prediction.items():
        if isinstance(value, Mapping):
            columns |= {
                f"predicted_{'probability' if name == 'probabilities' else name}_{key}": of for key, of in value.items()
            }
        else:
            columns[f"predicted_{name}"] = value
    return columns


def _empty(spec: EndpointSource, root: Path) -> MlopsError:
    what = "predictions with a label" if log_part(spec.uri) == "feedback" else "predictions"
    where = ", ".join(str(folder) for folder in _folders(spec, root))
    return failed(
        "empty source",
        f"`{spec.uri}`: the log in {where} holds no {what} from {spec.since} until {spec.until} (UTC). Correct the window; what "
        "is older than the endpoint keeps its log is gone.",
    )
