"""Write the rows of an interval into a table of a database.

Lives here: TableOutput.
Not here: scoring (scorer), files (parquet_output).
Law: an interval's rows, those that were set aside and its line in the ledger are replaced in one transaction.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from mlops.contracts.codec import decode, encode
from mlops.contracts.intervals import latest
from mlops.contracts.scoring import IntervalRows, LedgerLine, ledger_table, rejected_table
from mlops.errors import MlopsError
from mlops.secret_values import SecretReader
from mlops.workloads.scoring.output import LineOf, WrittenInterval, check_rows_read
from mlops.workloads.scoring.scorer import PROBLEM, ScoredRows
from mlops.workloads.stage import failed

INTERVAL = "interval"
"""The column that says which interval a row belongs to."""
_SQLITE = "sqlite:///"


class TableOutput:
    """Writes into `table`, TABLE_rejected and TABLE_intervals. `url`: secrets as `${secret:NAME}`."""

    def __init__(self, url: str, table: str, root: Path) -> None:
        self._secrets = SecretReader(root / ".mlops" / "secrets")
        filled = self._secrets.fill(url, field="output.url")
        path = filled.removeprefix(_SQLITE)
        if filled.startswith(_SQLITE) and not path.startswith("/"):
            filled = f"{_SQLITE}{root.absolute() / path}"
        self._url, self._name = url, table
        self._engine = sa.create_engine(filled, poolclass=sa.pool.NullPool)
        self._guard = threading.Lock()
        self._table: sa.Table | None = None
        known = sa.MetaData()
        self._ledger = sa.Table(
            ledger_table(table), known, sa.Column("number", sa.Integer, primary_key=True), sa.Column("line", sa.Text)
        )
        self._rejected = sa.Table(
            rejected_table(table), known, sa.Column(INTERVAL, sa.Text, index=True), sa.Column(PROBLEM, sa.Text),
            sa.Column("row", sa.Text),
        )  # fmt: skip

    def ledger(self) -> dict[str, LedgerLine]:
        with self._transaction() as connection:
            if not sa.inspect(connection).has_table(self._ledger.name):
                return {}
            lines = connection.scalars(sa.select(self._ledger.c.line).order_by(self._ledger.c.number))
            return latest(decode(LedgerLine, line) for line in lines)

    def prepare(self, schema: pa.Schema) -> None:
        """See IntervalOutput. Raises MlopsError where the table lacks a column."""
        if INTERVAL in schema.names:
            raise failed(
                "column stands twice",
                f"The rows have a column `{INTERVAL}`, which in a table says what interval a row belongs to. Give it another "
                "name in `sql`, or list the other columns under `columns`.",
            )
        columns = [sa.Column(field.name, _sql_type(field.type)) for field in schema]
        wanted = sa.Table(
            self._name, self._ledger.metadata, sa.Column(INTERVAL, sa.Text, nullable=False, index=True), *columns
        )
        with self._transaction() as connection:
            there = sa.inspect(connection)
            has = {one["name"] for one in there.get_columns(self._name)} if there.has_table(self._name) else None
            missing = [column.name for column in wanted.columns if has is not None and column.name not in has]
            if missing:
                raise failed(
                    "table does not fit",
                    f"The table {self._name} has no column `{missing[0]}`. Add it there, list other columns under `columns`, or "
                    "name another table.",
                )
            self._ledger.metadata.create_all(connection)
        self._table = wanted

    def write(self, one: IntervalRows, schema: pa.Schema, rows: Iterable[ScoredRows], line_of: LineOf) -> LedgerLine:
        """See IntervalOutput."""
        assert self._table is not None
        with self._guard, self._transaction() as connection:
            for table in (self._table, self._rejected):
                connection.execute(sa.delete(table).where(table.c[INTERVAL] == one.name))
            scored = aside = 0
            for part in rows:
                self._insert(connection, self._table, one.name, part.scored)
                scored += part.scored.num_rows
                if part.rejected is not None:
                    connection.execute(sa.insert(self._rejected), _set_aside(one.name, part.rejected))
                    aside += part.rejected.num_rows
            check_rows_read(one, scored + aside)
            line = line_of(WrittenInterval(scored, aside))
            connection.execute(sa.insert(self._ledger).values(line=encode(line)))
        return line

    @staticmethod
    def _insert(connection: sa.Connection, table: sa.Table, interval: str, batch: pa.RecordBatch) -> None:
        if not batch.num_rows:
            return
        columns = [[interval] * batch.num_rows, *(_values(column) for column in batch.columns)]
        if connection.dialect.name != "postgresql":
            keys = [INTERVAL, *batch.schema.names]
            connection.execute(
                sa.insert(table), [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
            )
            return
        quote = connection.dialect.identifier_preparer.quote
        names = ", ".join(map(quote, [INTERVAL, *batch.schema.names]))
        raw: Any = connection.connection.driver_connection
        with raw.cursor() as cursor, cursor.copy(f"COPY {quote(table.name)} ({names}) FROM STDIN") as copy:
            for row in zip(*columns, strict=True):
                copy.write_row(row)

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        """Raises MlopsError, without the password, where the database refuses."""
        try:
            with self._engine.begin() as connection:
                yield connection
        except MlopsError as error:
            raise self._secrets.masked(error) from None
        except SQLAlchemyError as error:
            said = self._secrets.mask(str(getattr(error, "orig", None) or error).strip())
            raise failed(
                "rows cannot be written",
                f"The database of the table {self._name} says: {said}. What was scored before stays; apply again once it answers.",
            ) from None
        except Exception as error:
            if not type(error).__module__.startswith("psycopg"):
                raise
            raise failed(
                "rows cannot be written",
                f"The database of the table {self._name} says: {self._secrets.mask(str(error).strip())}. What was scored "
                "before stays; apply again once it answers.",
            ) from None


def _sql_type(kind: pa.DataType) -> Any:
    if pa.types.is_boolean(kind):
        return sa.Boolean()
    if pa.types.is_integer(kind):
        return sa.BigInteger()
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return sa.Double()
    if pa.types.is_date(kind):
        return sa.Date()
    if pa.types.is_timestamp(kind):
        return sa.DateTime(timezone=kind.tz is not None)
    return sa.LargeBinary() if pa.types.is_binary(kind) else sa.Text()


def _values(column: pa.Array) -> list[Any]:
    """Return values as a driver takes them; lists and mappings as JSON."""
    kind = column.type
    if pa.types.is_nested(kind):
        return [None if value is None else json.dumps(value, default=str) for value in column.to_pylist()]
    if pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    return list(column.to_pylist())


def _set_aside(interval: str, batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return rows of TABLE_rejected: what the row held as JSON, and why it was set aside."""
    problems = batch.columns[-1].to_pylist()
    rows = batch.select(batch.schema.names[:-1]).to_pylist()
    return [
        {INTERVAL: interval, PROBLEM: problem, "row": json.dumps(row, default=str, ensure_ascii=False)}
        for row, problem in zip(rows, problems, strict=True)
    ]
