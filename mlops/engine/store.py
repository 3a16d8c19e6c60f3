"""Keep state in a database.

Lives here: DatabaseStore, on SQLAlchemy Core: SQLite in a file, or any PostgreSQL.
Not here: deciding who may write (lease), what a record means.
Law: records are only appended; each write checks the lease's token in its own transaction.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from mlops.address import Address
from mlops.engine.resource import Record
from mlops.engine.state import Head, Intent, Operation, Version, record_from_json, record_to_json
from mlops.errors import LockHeld, MlopsError

FORMAT = 1
_tables = sa.MetaData()
_meta = sa.Table(
    "mlops_meta", _tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("format", sa.Integer, nullable=False),
    sa.Column("lineage", sa.String(64), nullable=False), sa.Column("serial", sa.BigInteger, nullable=False),
    sa.Column("salt", sa.String(64), nullable=False),
)  # fmt: skip
_records = sa.Table(
    "mlops_records", _tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("address", sa.String(160), primary_key=True),
    sa.Column("serial", sa.BigInteger, primary_key=True), sa.Column("at", sa.String(40), nullable=False),
    sa.Column("operation", sa.String(64), nullable=False), sa.Column("body", sa.Text, nullable=True),
)  # fmt: skip
_current = sa.Table(
    "mlops_current", _tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("address", sa.String(160), primary_key=True),
    sa.Column("serial", sa.BigInteger, nullable=False),
)  # fmt: skip
_operations = sa.Table(
    "mlops_operations", _tables,
    sa.Column("id", sa.String(64), primary_key=True), sa.Column("environment", sa.String(64), nullable=False),
    sa.Column("started_at", sa.String(40), nullable=False), sa.Column("ended_at", sa.String(40)),
    sa.Column("who", sa.String(160), nullable=False), sa.Column("host", sa.String(255), nullable=False),
    sa.Column("command", sa.Text, nullable=False), sa.Column("commit_id", sa.String(64)),
    sa.Column("plan_digest", sa.String(80), nullable=False), sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
)  # fmt: skip
_intents = sa.Table(
    "mlops_intents", _tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("key", sa.String(80), primary_key=True),
    sa.Column("address", sa.String(160), nullable=False), sa.Column("action", sa.String(40), nullable=False),
    sa.Column("operation", sa.String(64), nullable=False), sa.Column("at", sa.String(40), nullable=False),
)  # fmt: skip
leases = sa.Table(
    "mlops_leases", _tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.Text, nullable=True), sa.Column("expires_at", sa.Float, nullable=False),
)  # fmt: skip


class DatabaseStore:
    """Implements Store. `where`: how the database is named to the user. Creates its tables on the first write only."""

    def __init__(self, engine: sa.Engine, environment: str, where: str) -> None:
        self.engine = engine
        self.environment = environment
        self.where = where
        self._has_tables = False
        self._is_prepared = False

    def head(self) -> Head:
        with self.reading() as connection:
            row = connection.execute(sa.select(_meta).where(_meta.c.environment == self.environment)).first()
        if row is None:
            return Head("", 0, "")
        if row.format > FORMAT:
            raise MlopsError.of(
                "state of a newer version",
                f"{self.where} has format {row.format}, and this mlops knows {FORMAT}. Install the newer mlops.",
            )
        return Head(row.lineage, row.serial, row.salt)

    def records(self) -> Mapping[Address, Record]:
        join = sa.and_(
            _records.c.environment == _current.c.environment,
            _records.c.address == _current.c.address,
            _records.c.serial == _current.c.serial,
        )
        query = sa.select(_records.c.address, _records.c.serial, _records.c.body).select_from(
            _current.join(_records, join)
        )
        with self.reading() as connection:
            rows = connection.execute(query.where(_current.c.environment == self.environment)).all()
        told = [self._record(row.address, row.serial, row.body) for row in rows if row.body is not None]
        return {record.address: record for record in sorted(told, key=lambda record: record.address)}

    def versions(self, address: Address) -> Sequence[Version]:
        query = sa.select(_records).where(
            _records.c.environment == self.environment, _records.c.address == str(address)
        ).order_by(_records.c.serial)  # fmt: skip
        with self.reading() as connection:
            rows = connection.execute(query).all()
        return [
            Version(r.serial, r.at, r.operation, self._record(r.address, r.serial, r.body) if r.body else None)
            for r in rows
        ]

    def operations(self, limit: int = 50) -> Sequence[Operation]:
        query = sa.select(_operations).where(_operations.c.environment == self.environment)
        with self.reading() as connection:
            rows = connection.execute(query.order_by(_operations.c.started_at.desc()).limit(limit)).all()
        return [
            Operation(
                r.id,
                r.started_at,
                r.ended_at,
                r.who,
                r.host,
                r.command,
                r.commit_id,
                r.plan_digest,
                r.outcome,
                r.summary,
            )
            for r in rows
        ]

    def intents(self) -> Sequence[Intent]:
        with self.reading() as connection:
            rows = connection.execute(sa.select(_intents).where(_intents.c.environment == self.environment)).all()
        return [Intent(row.key, Address.parse(row.address), row.action, row.operation) for row in rows]

    def begin(self, operation: Operation, token: int) -> None:
        """Also closes operations that died: they are shown as interrupted."""
        with self._fenced(token) as connection:
            dead = sa.and_(_operations.c.environment == self.environment, _operations.c.ended_at.is_(None))
            connection.execute(
                _operations.update().where(dead).values(outcome="interrupted", ended_at=operation.started_at)
            )
            told = {name: getattr(operation, name) for name in Operation.__dataclass_fields__ if name != "commit"}
            connection.execute(
                _operations.insert().values(environment=self.environment, commit_id=operation.commit, **told)
            )

    def end(self, operation: str, outcome: str, summary: str, *, at: str, token: int) -> None:
        with self._fenced(token) as connection:
            connection.execute(
                _operations.update()
                .where(_operations.c.id == operation)
                .values(outcome=outcome, summary=summary, ended_at=at)
            )

    def intend(self, intent: Intent, *, at: str, token: int) -> None:
        with self._fenced(token) as connection:
            self._close(connection, intent.key)
            connection.execute(
                _intents.insert().values(
                    environment=self.environment, key=intent.key, address=str(intent.address), action=intent.action,
                    operation=intent.operation, at=at,
                )
            )  # fmt: skip

    def write(self, record: Record, *, operation: str, at: str, token: int, closes: str | None = None) -> Record:
        with self._fenced(token) as connection:
            serial = self._append(connection, record.address, record_to_json(record), operation, at)
            self._close_all(connection, record.address, closes)
        return Record(**{**vars(record), "serial": serial})

    def delete(self, address: Address, *, operation: str, at: str, token: int, closes: str | None = None) -> None:
        with self._fenced(token) as connection:
            self._append(connection, address, None, operation, at)
            self._close_all(connection, address, closes)

    def close(self, key: str, *, token: int) -> None:
        with self._fenced(token) as connection:
            self._close(connection, key)

    def prepare(self) -> None:
        """Create the tables and this environment's line of history, where they are missing."""
        if self._is_prepared:
            return
        with self.writing() as connection:
            _tables.create_all(connection)
            known = connection.execute(sa.select(_meta.c.serial).where(_meta.c.environment == self.environment)).first()
            if known is None:
                connection.execute(
                    _meta.insert().values(
                        environment=self.environment, format=FORMAT, lineage=secrets.token_hex(8), serial=0,
                        salt=secrets.token_hex(16),
                    )
                )  # fmt: skip
        self._has_tables = self._is_prepared = True

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with self._told("read"), self.engine.connect() as connection:
            if not self._has_tables:
                self._has_tables = sa.inspect(connection).has_table(_meta.name)
            yield connection if self._has_tables else _Nothing()  # type: ignore[misc]

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with self._told("written"), self.engine.execution_options(write=True).begin() as connection:
            yield connection

    @contextmanager
    def _fenced(self, token: int) -> Iterator[sa.Connection]:
        with self.writing() as connection:
            held = connection.execute(
                leases.update().where(leases.c.environment == self.environment, leases.c.token == token)
                .values(token=token)
            )  # fmt: skip
            if held.rowcount != 1:
                raise LockHeld.of(
                    "lease lost",
                    "Another apply took the lease over, because this one gave no sign of life. Nothing more was "
                    "written. Look at `mlops history`, then plan again.",
                )
            yield connection

    @contextmanager
    def _told(self, verb: str) -> Iterator[None]:
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise MlopsError.of(
                f"state cannot be {verb}",
                f"{self.where}: {cause}. {_remedy(cause)}",
            ) from error

    def _append(self, connection: sa.Connection, at_: Address, body: str | None, operation: str, at: str) -> int:
        mine = _meta.c.environment == self.environment
        connection.execute(_meta.update().where(mine).values(serial=_meta.c.serial + 1))
        serial: int = connection.execute(sa.select(_meta.c.serial).where(mine)).scalar_one()
        row = {"environment": self.environment, "address": str(at_), "serial": serial}
        connection.execute(_records.insert().values(**row, at=at, operation=operation, body=body))
        here = sa.and_(_current.c.environment == self.environment, _current.c.address == str(at_))
        if connection.execute(_current.update().where(here).values(serial=serial)).rowcount == 0:
            connection.execute(_current.insert().values(**row))
        return serial

    def _close(self, connection: sa.Connection, key: str) -> None:
        connection.execute(_intents.delete().where(_intents.c.environment == self.environment, _intents.c.key == key))

    def _close_all(self, connection: sa.Connection, address: Address, closes: str | None) -> None:
        """An intent of an earlier apply on the same resource is fulfilled by this one too."""
        if closes is not None:
            connection.execute(
                _intents.delete().where(
                    _intents.c.environment == self.environment, _intents.c.address == str(address)
                )
            )  # fmt: skip

    def _record(self, address: str, serial: int, body: str) -> Record:
        try:
            return record_from_json(Address.parse(address), serial, body)
        except (ValueError, KeyError, TypeError) as error:
            raise MlopsError.of(
                "state is damaged",
                f"The record of {address} at serial {serial} in {self.where} cannot be read: {error}. Restore the "
                "database from a backup; `mlops history` lists the serials.",
                address=address,
            ) from error


class _Nothing:
    """What a database without tables answers."""

    def execute(self, query: object) -> _Nothing:
        return self

    def first(self) -> None:
        return None

    def all(self) -> list[object]:
        return []


def _remedy(cause: str) -> str:
    low = cause.lower()
    if "malformed" in low or "not a database" in low:
        return "The file is damaged: move it away, and apply again; data sets and models are taken over from dvc.lock."
    if "full" in low:
        return "Free some disk space, and run the same command again; what was finished is kept."
    if "readonly" in low or "unable to open" in low or "permission" in low:
        return "Make the file and its folder writable for you."
    if "locked" in low:
        return "Another process is writing; try again."
    return "Check that the database is up and that `state.url` is right."


def open_database(url: str, environment: str) -> DatabaseStore:
    """`url`: a SQLAlchemy URL. For SQLite the folder must exist."""
    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(url, connect_args={"timeout": 30})

        @sa.event.listens_for(engine, "connect")
        def _set(connection: object, _: object) -> None:
            connection.isolation_level = None  # type: ignore[attr-defined]
            try:
                connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined]
            except Exception:  # noqa: S110
                pass
            connection.execute("PRAGMA synchronous=FULL")  # type: ignore[attr-defined]

        @sa.event.listens_for(engine, "begin")
        def _begin(connection: sa.Connection) -> None:
            connection.exec_driver_sql(
                "BEGIN IMMEDIATE" if connection.get_execution_options().get("write") else "BEGIN"
            )

        return DatabaseStore(engine, environment, parsed.database or url)
    return DatabaseStore(
        sa.create_engine(url, pool_pre_ping=True), environment, parsed.render_as_string(hide_password=True)
    )
