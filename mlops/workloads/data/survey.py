"""Look at data that no data set names yet: python -m mlops.workloads.data.survey REQUEST ANSWER.

Lives here: survey, what each column of a source holds, and the process that answers `mlops init`.
Not here: what follows from it (scaffold), options that help to read it (reading).
Law: the source is opened as a data set would open it; nothing is written but the answer.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import duckdb
import pyarrow as pa
from msgspec.structs import replace
from pydantic import TypeAdapter, ValidationError

from mlops.config.schema.sources.source import BY_SCHEME, SourceSpec
from mlops.contracts.survey import ColumnSurvey, Survey, SurveyProblem, SurveyRequest
from mlops.errors import MlopsError
from mlops.extensions import SOURCES
from mlops.sources.source import scheme_of
from mlops.workloads.data.answer import answer_request
from mlops.workloads.data.columns import type_of
from mlops.workloads.data.reading import better_source, other_encoding
from mlops.workloads.data.sources.source import Place, Source
from mlops.workloads.data.sql import connect, seal_database
from mlops.workloads.data.sql_text import quoted
from mlops.workloads.stage import failed

TABLE = "surveyed"
_MANY = 2_000_000
"""With more rows, distinct values are estimated."""
_FREQUENT = 6
_FEW = 1000
_LABELS = (
    "label",
    "target",
    "class",
    "y",
    "outcome",
    "churned",
    "churn",
    "survived",
    "is_fraud",
    "fraud",
    "default",
    "response",
)
"""Names of columns that are usually predicted, the surest first."""
_NUMBERS = ("int", "float")
_SOURCE: TypeAdapter[Any] = TypeAdapter(Annotated[SourceSpec, BY_SCHEME])


def survey(request: SurveyRequest, root: Path) -> Survey:
    """Return what the source holds. Raises MlopsError where it cannot be read or lacks the label."""
    source = dict(request.source)
    notes: list[str] = []
    while True:
        with tempfile.TemporaryDirectory() as scratch, connect() as connection:
            try:
                _open(connection, source, Place.of(root, Path(scratch)))
            except MlopsError as error:
                changed = other_encoding(source, str(error))
                if changed is None:
                    raise
                source, notes = changed.source, [*notes, changed.note]
                continue
            seal_database(connection)
            changed = better_source(connection, TABLE, source)
            if changed is None:
                return _survey(connection, source, notes, request.label)
            source, notes = changed.source, [*notes, changed.note]


def _open(connection: duckdb.DuckDBPyConnection, source: dict[str, Any], place: Place) -> None:
    try:
        spec: Any = _SOURCE.validate_python(source)
    except ValidationError as error:
        raise failed("source does not fit", f"`{source.get('uri')}`: {error.errors()[0]['msg']}.") from error
    opener: Source = SOURCES.load(scheme_of(spec.uri))()
    try:
        opener.open(connection, TABLE, spec, place)
    except duckdb.Error as error:
        raise failed("source cannot be read", f"`{spec.uri}`: {str(error).strip()}") from error


def _survey(
    connection: duckdb.DuckDBPyConnection, source: dict[str, Any], notes: list[str], label: str | None
) -> Survey:
    schema = connection.sql(f"SELECT * FROM {TABLE} LIMIT 0").to_arrow_table().schema  # noqa: S608
    rows = int(connection.sql(f"SELECT count(*) FROM {TABLE}").fetchall()[0][0])  # noqa: S608
    if label is not None and label not in schema.names:
        raise MlopsError.of("no such column", f"`--label {label}`: the data have no such column; they have: {', '.join(schema.names)}.")  # fmt: skip
    label = label or guessed_label(schema.names)
    columns = [_column(connection, field, rows) for field in schema]
    telling = _tell_label(connection, columns, label, rows)
    return Survey(
        source=source, notes=tuple(notes), rows=rows, label=label,
        columns=tuple(replace(column, tells_label=column.name in telling) for column in columns),
    )  # fmt: skip


def guessed_label(names: list[str]) -> str | None:
    """Return the column whose name is one that is usually predicted, None where there is none."""
    lower = {name.lower(): name for name in names}
    return next((lower[name] for name in _LABELS if name in lower), None)


def contract_type(kind: pa.DataType) -> str:
    """Return the type that a data set gives to a column of this type, `other` where it has none."""
    if pa.types.is_decimal(kind):
        return "float"
    return "string" if pa.types.is_dictionary(kind) else type_of(kind) or "other"


def _column(connection: duckdb.DuckDBPyConnection, field: pa.Field, rows: int) -> ColumnSurvey:
    kind, name = contract_type(field.type), quoted(field.name)
    if kind == "other":
        return ColumnSurvey(name=field.name, type=kind)
    count = f"approx_count_distinct({name})" if rows > _MANY else f"count(DISTINCT {name})"
    ends = (
        f"min({name})::DOUBLE, max({name})::DOUBLE"
        if kind in _NUMBERS
        else f"min({name})::VARCHAR, max({name})::VARCHAR"
    )
    whole = f"bool_and({name} = trunc({name}))" if kind in _NUMBERS else "false"
    present, distinct, least, most, is_whole = connection.sql(
        f"SELECT count({name}), {count}, {ends}, {whole} FROM {TABLE}"  # noqa: S608
    ).fetchall()[0]
    frequent: list[Any] = []
    if kind != "float" or distinct <= _FREQUENT:
        frequent = connection.sql(
            f"SELECT {name}::VARCHAR, count(*) FROM {TABLE} WHERE {name} IS NOT NULL "  # noqa: S608
            f"GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {_FREQUENT}"
        ).fetchall()
    return ColumnSurvey(
        name=field.name, type=kind, missing=rows - present, distinct=distinct,
        least=least if kind in (*_NUMBERS, "date", "timestamp") else None,
        most=most if kind in (*_NUMBERS, "date", "timestamp") else None,
        whole=bool(is_whole), frequent=tuple((text, rows_of) for text, rows_of in frequent),
    )  # fmt: skip


def _tell_label(
    connection: duckdb.DuckDBPyConnection, columns: list[ColumnSurvey], label: str | None, rows: int
) -> set[str]:
    """Return the columns of few values each of which has one label only: they say it, rather than predict it."""
    by_name = {column.name: column for column in columns}
    if label is None or not 2 <= by_name[label].distinct <= 100:
        return set()
    found: set[str] = set()
    for column in columns:
        if (
            column.name == label
            or column.type in ("float", "other")
            or not 2 <= column.distinct <= min(_FEW, rows // 5)
        ):
            continue
        name, to = quoted(column.name), quoted(label)
        mixed = connection.sql(
            f"SELECT count(*) FROM (SELECT {name} FROM {TABLE} WHERE {name} IS NOT NULL AND {to} IS NOT NULL "  # noqa: S608
            f"GROUP BY 1 HAVING count(DISTINCT {to}) > 1)"
        ).fetchall()[0][0]
        if mixed == 0:
            found.add(column.name)
    return found


def _answer(request: SurveyRequest) -> Survey:
    try:
        return survey(request, Path())
    except MlopsError as error:
        return Survey(problems=tuple(SurveyProblem(summary=one.summary, detail=one.detail) for one in error.problems))


if __name__ == "__main__":
    answer_request(SurveyRequest, _answer)
