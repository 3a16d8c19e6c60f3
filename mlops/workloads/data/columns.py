"""Bring columns into the types of the contract.

Lives here: ContractTypes, with_contract_types and type_of, with_named_features, which resolves patterns of features, and
check_columns, which sees that what the data set says of a column fits its type.
Not here: checks of values (checks), encoding (features).
Law: what would end in a traceback of a library later is a sentence here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.column_types import VALUES
from mlops.config.schema.dataset import Cleaning, Dataset
from mlops.config.schema.expanded import expand_dataset
from mlops.workloads.data.rows import Rows
from mlops.workloads.data.windows import check_windows
from mlops.workloads.stage import failed

_TYPES = {
    "bool": pa.types.is_boolean, "int": pa.types.is_integer, "float": pa.types.is_floating,
    "string": lambda t: pa.types.is_string(t) or pa.types.is_large_string(t),
    "date": pa.types.is_date, "timestamp": pa.types.is_timestamp,
    "image": lambda t: pa.types.is_binary(t) or pa.types.is_large_binary(t),
}  # fmt: skip
_ARROW = {
    "bool": pa.bool_(), "int": pa.int64(), "float": pa.float64(), "string": pa.string(), "date": pa.date32(),
    "timestamp": pa.timestamp("us"), "image": pa.binary(),
}  # fmt: skip
_EXACT = 2**53
_SEEN = 1000
_COMMA = re.compile(r"[+-]?\d+(?:[ .']\d{3})*,\d+")
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:([,.' ])\d{3})(?:\1\d{3})*(?:[.,]\d+)?")


def type_of(kind: pa.DataType) -> str | None:
    """Return the contract's name of a type of Arrow, None where it has none."""
    return next((name for name, fits in _TYPES.items() if fits(kind)), None)


class ContractTypes:
    """Casts batches of rows to the types of the contract, and collects what does not fit. `schema`: what comes out."""

    def __init__(self, given: pa.Schema) -> None:
        kinds = {field.name: _kind_of(field.type) for field in given}
        self.schema = pa.schema([(name, _ARROW[kind]) for name, kind in kinds.items() if kind is not None])
        self._wrong = {
            name: f"`{name}` has type {given.field(name).type}. Cast it in the SQL to a number, text, boolean, date or "
            "timestamp."
            for name, kind in kinds.items() if kind is None
        }  # fmt: skip
        self._infinite: Counter[str] = Counter()
        self._names = list(kinds)

    def cast(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch with every column in its type; a column with a value that does not fit is missing in all rows."""
        columns = []
        for field in self.schema:
            try:
                cast = batch[field.name].cast(field.type)
            except pa.ArrowInvalid as error:
                kind = VALUES[str(type_of(field.type))]
                self._wrong.setdefault(
                    field.name,
                    f"`{field.name}` has type {batch[field.name].type}, and not all of its values are {kind} of the type "
                    f"{field.type}: {error}. Cast it in the SQL, such as CAST({field.name} AS VARCHAR).",
                )
                cast = pa.nulls(batch.num_rows, field.type)
            if pa.types.is_floating(field.type):
                cast = pc.add(pc.if_else(pc.is_nan(cast), None, cast), 0.0)  # makes 0.0 of -0.0
                self._infinite[field.name] += pc.sum(pc.is_inf(cast)).as_py() or 0
            columns.append(cast)
        return pa.record_batch(columns, schema=self.schema)

    def finish(self) -> None:
        """Raises MlopsError where a column of any batch did not fit."""
        for name, count in self._infinite.items():
            if count:
                self._wrong.setdefault(
                    name,
                    f"`{name}` is infinite in {count:,} rows. Make these missing in the SQL: "
                    f"CASE WHEN isfinite({name}) THEN {name} END.",
                )
        if self._wrong:
            raise failed(
                "column of an unknown type", *(self._wrong[name] for name in self._names if name in self._wrong)
            )


def with_contract_types(table: pa.Table) -> pa.Table:
    """Return the table with every column in one of the types of the contract. Raises MlopsError for other types."""
    types = ContractTypes(table.schema)
    batches = [types.cast(batch) for batch in table.to_batches()]
    types.finish()
    return pa.Table.from_batches(batches, types.schema)


def _kind_of(type_: pa.DataType) -> str | None:
    if pa.types.is_decimal(type_):
        return "float"
    return "string" if pa.types.is_dictionary(type_) else type_of(type_)


def with_named_features(dataset: Dataset, schema: pa.Schema) -> Dataset:
    """Return the data set with columns in the place of patterns such as `"*"`. `schema`: in the types of the contract. Raises
    MlopsError where a pattern fits nothing."""
    return expand_dataset(dataset, {field.name: str(type_of(field.type)) for field in schema})


def empty_table(types: Mapping[str, str]) -> pa.Table:
    """Return a table without rows. `types`: column -> type of the contract."""
    return pa.schema([(name, _ARROW[type_]) for name, type_ in types.items()]).empty_table()


def check_columns(rows: Rows, dataset: Dataset) -> None:
    """Raises MlopsError where a column that the data set names is missing, or is of a type that does not fit."""
    named = {"label": list(dataset.labels), "features": list(dataset.features.columns),
             "clean": list(dataset.clean), "split": list(dataset.split.columns)}  # fmt: skip
    problems = [
        f"`{column}` of `{field}` is no column of the result of the SQL, which has: {', '.join(rows.column_names)}. "
        "Name one of these, or select it in `sql`."
        for field, columns in named.items() for column in columns if column not in rows.column_names
    ]  # fmt: skip
    parts = dataset.features.parts
    for feature in dataset.features.each:
        kind = type_of(rows.schema.field(feature.column).type) if feature.column in rows.column_names else None
        if kind in ("string", "image") and kind not in parts[feature.transform].takes:
            others = " or ".join(f"features.{name}" for name, part in parts.items() if kind in part.takes)
            problems.append(f"`{feature.column}` is text, and features.{feature.transform} takes numbers. Cast it in the SQL, "
                            f"or list it under {others}.{why_text(rows[feature.column])}")  # fmt: skip
    for name in dict.fromkeys([*dataset.features.columns, *named["label"]]):
        if name in rows.column_names and type_of(rows.schema.field(name).type) == "int":
            problems += _inexact(name, rows[name])
    for name, cleaning in dataset.clean.items():
        if name in rows.column_names:
            problems += _cleaning(name, str(type_of(rows.schema.field(name).type)), cleaning)
    problems += check_windows(rows, dataset) if not problems else ()
    if problems:
        raise failed("columns do not fit", *problems)


def is_inexact(column: pa.ChunkedArray) -> bool:
    """Say whether a column of whole numbers has some that a DOUBLE cannot tell apart."""
    bounds = pc.min_max(column)
    return any(value is not None and abs(value) > _EXACT for value in (bounds["min"].as_py(), bounds["max"].as_py()))


def _inexact(name: str, column: pa.ChunkedArray) -> Iterator[str]:
    if is_inexact(column):
        yield (
            f"`{name}` holds whole numbers beyond {_EXACT:,} (2^53), which a model cannot tell apart. If they are ids, make "
            f"them text in the SQL, CAST({name} AS VARCHAR) AS {name}, and list them under features.categorical, or leave "
            "them out."
        )


def _cleaning(name: str, kind: str, cleaning: Cleaning) -> Iterator[str]:
    missing, is_text = cleaning.missing, kind == "string"
    holds = f"`{name}` holds {VALUES[kind]}, and `clean.{name}"
    if is_text and cleaning.clip is not None:
        yield f"{holds}.clip` moves numbers to a bound. Take it out, or cast the column in the SQL."
    if is_text and missing in ("median", "mean"):
        yield f"{holds}.missing: {missing}` is for numbers. Fill with a text, or with `drop`."
    if is_text and isinstance(missing, bool):
        yield f"{holds}.missing` is {str(missing).lower()}: YAML reads NO, yes and on as true or false. Write it in quotes."
    if not is_text and cleaning.map is not None:
        yield f"{holds}.map` replaces texts. Take it out, or write CASE {name} WHEN … THEN … END in the SQL."
    if not is_text and isinstance(missing, str) and missing not in ("median", "mean", "drop"):
        yield f"{holds}.missing` is the text `{missing}`. Give a number, `median`, `mean` or `drop`."


def why_text(column: pa.ChunkedArray) -> str:
    """Say which option of a CSV source would make numbers of a column of texts, where one would."""
    texts = [text.strip() for text in pc.unique(column.drop_null())[:_SEEN].to_pylist()]
    others = [text for text in texts if not _is_number(text)]
    if not others:
        return ""
    if all(_GROUPED.fullmatch(text) for text in others):
        return f" If {others[0]!r} is a number with thousands, say `thousands`, and `decimal`, on its source."
    if all(_COMMA.fullmatch(text) for text in others):
        return f' If {others[0]!r} is a number, say `decimal: ","` on its source.'
    if len(others) <= 5 and len(others) < len(texts) / 2:
        listed = ", ".join(repr(text) for text in others)
        return f" All its values but {listed} are numbers: list these under `null` of its source if they mean a missing value."
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
