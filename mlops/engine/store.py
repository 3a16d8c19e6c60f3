"""Keep state in a database.

Lives here: DatabaseStore, on SQLAlchemy Core: SQLite in a file, or any PostgreSQL.
Not here: deciding who may write (lease), what a record means.
Law: records are only appended; each write checks the lease's token in its own transaction.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from mlops.address import Address
from mlops.engine import tables as t
from mlops.engine.group_commit import GroupCommit
from mlops.engine.resource import Record
from mlops.engine.selection import renamed
from mlops.engine.state import Head, Intent, Operation, Version, record_from_json, record_to_json
from mlops.errors import InvalidConfig, LockHeld, StateFailed

_ROOM = 1 << 20
"""A disk with fewer free bytes counts as full."""


class DatabaseStore:
    """The state in a database; implements Store. `where`: how messages name the database. `file`: the file of a
    database that is one. Its file and its tables are created by the first write."""

    def __init__(self, engine: sa.Engine, environment: str, where: str, file: Path | None = None) -> None:
        self.engine = engine
        self.environment = environment
        self.where = where
        self.file = file
        self._inode: int | None = None
        self._has_tables = False
        self._format = t.DATABASE_FORMAT
        self._is_prepared = False
        self._group_commit = GroupCommit(self._fenced)

    def head(self) -> Head:
        with self.reading() as connection:
            row = connection.execute(sa.select(t.meta).where(t.meta.c.environment == self.environment)).first()
        return Head("", 0, "") if row is None else Head(row.lineage, row.serial, row.salt)

    def records(self) -> Mapping[Address, Record]:
        with self.reading() as connection:
            return self._records_in(connection)

    def _records_in(self, connection: sa.Connection) -> dict[Address, Record]:
        rows = connection.execute(t.RECORDED, {"env": self.environment}).all()
        found = [self._record(row.address, row.serial, row.body) for row in rows if row.body is not None]
        return {record.address: record for record in sorted(found, key=lambda record: record.address)}

    def versions(self, address: Address) -> Sequence[Version]:
        query = sa.select(t.records).where(
            t.records.c.environment == self.environment, t.records.c.address == str(address)
        ).order_by(t.records.c.serial)  # fmt: skip
        with self.reading() as connection:
            rows = connection.execute(query).all()
        return [
            Version(r.serial, r.at, r.operation, self._record(r.address, r.serial, r.body) if r.body else None)
            for r in rows
        ]

    def operations(self, limit: int = 50) -> Sequence[Operation]:
        query = sa.select(t.operations).where(t.operations.c.environment == self.environment)
        newest = (t.operations.c.started_at.desc(), t.operations.c.id.desc())
        with self.reading() as connection:
            rows = connection.execute(query.order_by(*newest).limit(limit)).all()
        return [
            Operation(
                r.id, r.started_at, r.ended_at, r.who, r.host, r.command, r.commit_id, r.plan_digest, r.outcome, r.summary
            )
            for r in rows
        ]  # fmt: skip

    def intents(self) -> Sequence[Intent]:
        columns = [column for column in t.intents.c if column.name != "body" or self._format > 1]
        with self.reading() as connection:
            rows = connection.execute(sa.select(*columns).where(t.intents.c.environment == self.environment)).all()
        return [
            Intent(row.key, Address.parse(row.address), row.action, row.operation, json.loads(body) if body else None)
            for row in rows for body in (getattr(row, "body", None),)
        ]  # fmt: skip

    def begin(self, operation: Operation, token: int) -> None:
        """Write the operation down, and close operations that died: they are shown as interrupted."""
        with self._fenced(token) as connection:
            dead = sa.and_(t.operations.c.environment == self.environment, t.operations.c.ended_at.is_(None))
            connection.execute(
                t.operations.update().where(dead).values(outcome="interrupted", ended_at=operation.started_at)
            )
            values = {name: getattr(operation, name) for name in Operation.__dataclass_fields__ if name != "commit"}
            connection.execute(
                t.operations.insert().values(environment=self.environment, commit_id=operation.commit, **values)
            )

    def end(self, operation: str, outcome: str, summary: str, *, at: str, token: int) -> None:
        with self._fenced(token) as connection:
            connection.execute(
                t.operations.update()
                .where(t.operations.c.id == operation)
                .values(outcome=outcome, summary=summary, ended_at=at)
            )

    def intend(self, intent: Intent, *, at: str, token: int) -> None:
        row = {
            "environment": self.environment, "key": intent.key, "address": str(intent.address), "action": intent.action,
            "operation": intent.operation, "at": at, "body": json.dumps(intent.body) if intent.body else None,
        }  # fmt: skip

        def work(connection: sa.Connection) -> None:
            connection.execute(t.CLOSE, {"env": self.environment, "key_": intent.key})
            connection.execute(t.INTEND, row)

        self._group_commit.run(token, work)

    def write(self, record: Record, *, operation: str, at: str, token: int, closes: str | None = None) -> Record:
        body = record_to_json(record)

        def work(connection: sa.Connection) -> int:
            self._close_all(connection, record.address, closes)
            return self._append(connection, record.address, body, operation, at)

        return replace(record, serial=self._group_commit.run(token, work))

    def delete(self, address: Address, *, operation: str, at: str, token: int, closes: str | None = None) -> None:
        def work(connection: sa.Connection) -> None:
            self._append(connection, address, None, operation, at)
            self._close_all(connection, address, closes)

        self._group_commit.run(token, work)

    def move(self, old: Address, new: Address, *, operation: str, at: str, token: int) -> None:
        """Record under `new` what is recorded under `old`, and change the records that name it."""
        moves = {old: new}

        def work(connection: sa.Connection) -> None:
            now = self._records_in(connection)
            if old not in now:
                return
            for record in now.values():
                moved = renamed(record, moves)
                if moved != record:
                    self._append(connection, moved.address, record_to_json(moved), operation, at)
            self._append(connection, old, None, operation, at)

        self._group_commit.run(token, work)

    def writers_since(self, serial: int) -> set[str]:
        query = sa.select(t.records.c.operation).where(
            t.records.c.environment == self.environment, t.records.c.serial > serial
        )  # fmt: skip
        with self.reading() as connection:
            return {row.operation for row in connection.execute(query.distinct()).all()}

    def close(self, key: str, *, token: int) -> None:
        self._group_commit.run(
            token, lambda connection: connection.execute(t.CLOSE, {"env": self.environment, "key_": key})
        )

    def prepare(self) -> None:
        """Create the tables and this environment's line of history, where they are missing; bring old ones up to date."""
        if self._is_prepared:
            return
        with self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(7203511)"))
            self._check(connection)
            t.migrate(connection)
            known = connection.execute(t.SERIAL, {"env": self.environment}).first()
            if known is None:
                connection.execute(
                    t.meta.insert().values(
                        environment=self.environment, format=t.DATABASE_FORMAT, lineage=secrets.token_hex(8), serial=0,
                        salt=secrets.token_hex(16),
                    )
                )  # fmt: skip
        self._format = t.DATABASE_FORMAT
        self._inode = _inode(self.file)
        self._has_tables = self._is_prepared = True

    def _check(self, connection: sa.Connection) -> None:
        """Find out whether there are tables. Raises StateFailed for those of a newer version."""
        self._has_tables = sa.inspect(connection).has_table(t.meta.name)
        self._format = (t.format_of(connection) if self._has_tables else None) or t.DATABASE_FORMAT
        if self._format > t.DATABASE_FORMAT:
            raise StateFailed.of(
                "state of a newer version",
                f"{self.where} has format {self._format}, and this mlops knows {t.DATABASE_FORMAT}. A newer mlops has applied here; "
                "install that version, or a later one.",
            )

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        if self.file is not None and not self._is_prepared and not self.file.exists():
            yield _Nothing()  # type: ignore[misc]
            return
        with self._state_errors("read"), self.engine.connect() as connection:
            if not self._has_tables:
                self._check(connection)
            yield connection if self._has_tables else _Nothing()  # type: ignore[misc]

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with self._state_errors("written"), self.engine.execution_options(write=True).begin() as connection:
            yield connection

    @contextmanager
    def _fenced(self, token: int) -> Iterator[sa.Connection]:
        if self._is_prepared and _inode(self.file) != self._inode:
            raise StateFailed.of(
                "state was taken away",
                f"{self.where} is no longer the file that this command began with: it was deleted, moved or replaced. Put it "
                "back, and run the same command again: what was made meanwhile is found again.",
            )
        with self.writing() as connection:
            held = connection.execute(t.FENCE, {"env": self.environment, "held": token})
            if held.rowcount != 1:
                raise LockHeld.of(
                    "lease lost",
                    "Another apply took the lease over, because this one gave no sign of life. Nothing more was "
                    "written. Look at `mlops history`, then plan again.",
                )
            yield connection

    @contextmanager
    def _state_errors(self, verb: str) -> Iterator[None]:
        try:
            yield
        except sa.exc.SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error).splitlines()[0]
            raise StateFailed.of(
                f"state cannot be {verb}",
                f"{self.where}: {cause}. {_remedy(cause, self.where)}",
            ) from error

    def _append(self, connection: sa.Connection, at_: Address, body: str | None, operation: str, at: str) -> int:
        here = {"env": self.environment, "at_": str(at_)}
        connection.execute(t.GROW, {"env": self.environment, "by": 1})
        serial: int = connection.execute(t.SERIAL, {"env": self.environment}).scalar_one()
        row = {"environment": self.environment, "address": str(at_), "serial": serial}
        connection.execute(t.APPEND, {**row, "at": at, "operation": operation, "body": body})
        if connection.execute(t.POINT, {**here, "now": serial}).rowcount == 0:
            connection.execute(t.FIRST, row)
        return serial

    def _close_all(self, connection: sa.Connection, address: Address, closes: str | None) -> None:
        """Close every intent on the resource: this step fulfils those of earlier applies too."""
        if closes is not None:
            connection.execute(t.CLOSE_ALL, {"env": self.environment, "at_": str(address)})

    def _record(self, address: str, serial: int, body: str) -> Record:
        try:
            return record_from_json(Address.parse(address), serial, body)
        except (ValueError, KeyError, TypeError) as error:
            raise StateFailed.of(
                "state is damaged",
                f"The record of {address} at serial {serial} in {self.where} cannot be read: {error}. Restore the "
                "database from a backup; `mlops history` lists the serials.",
                address=address,
            ) from error


class _Nothing:
    """Stands for the connection to a database without tables: every query answers nothing."""

    def execute(self, query: object, words: object = None) -> _Nothing:
        return self

    def first(self) -> None:
        return None

    def all(self) -> list[object]:
        return []


def _inode(file: Path | None) -> int | None:
    """Return the inode of a file that exists: what is written to a deleted file is read by nobody."""
    try:
        return file.stat().st_ino if file is not None else None
    except OSError:
        return None


def _remedy(cause: str, where: str) -> str:
    low = cause.lower()
    if "malformed" in low or "not a database" in low:
        return "The file is damaged: move it away, and apply again; data sets and models are taken over from dvc.lock."
    if "full" in low or ("disk i/o" in low and _is_full(Path(where).parent)):
        return "The disk is full: free some space, and run the same command again; what was finished is kept."
    if "disk i/o" in low:
        return "The disk refused; look at what the system's log says of it (`dmesg`), and run the same command again."
    if "readonly" in low or "unable to open" in low or "permission" in low:
        return "Make the file and its folder writable for you."
    if "locked" in low:
        return "Another process is writing; try again."
    return "Check that the database is up and that `state.url` is right."


def in_project(url: str, root: Path) -> sa.URL:
    """Return the URL with a relative SQLite file placed in the project, wherever the command runs. Raises InvalidConfig
    for what is no URL."""
    parsed = _parsed(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in (None, "", ":memory:"):
        return parsed
    return parsed.set(database=str(root / str(parsed.database)))


def _parsed(url: str) -> sa.URL:
    """Neither SQLAlchemy's message nor the error itself goes on: both may hold a piece of the password."""
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise _not_an_address() from None
    return parsed.set(drivername="postgresql+psycopg") if parsed.drivername == "postgresql" else parsed


def _not_an_address() -> InvalidConfig:
    return InvalidConfig.of(
        "state cannot be opened",
        "`state.url` is not an address that can be opened. Write sqlite:///PATH or "
        "postgresql+psycopg://USER:PASSWORD@HOST:PORT/NAME, the password percent-encoded: @ as %40, : as %3A, / as %2F, "
        "# as %23.",
    )


def _is_full(folder: Path) -> bool:
    """Say whether the disk is full: SQLite reports a full disk beside the database as a failed one."""
    try:
        return shutil.disk_usage(folder).free < _ROOM
    except OSError:
        return False


def open_database(url: str | sa.URL, environment: str) -> DatabaseStore:
    """Return the store of an environment. `url`: a SQLAlchemy URL; for SQLite the folder must exist. Raises InvalidConfig
    for what is no URL, or has no driver here."""
    parsed = _parsed(url) if isinstance(url, str) else url
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed, connect_args={"timeout": 30})

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

        file = Path(parsed.database) if parsed.database not in (None, "", ":memory:") else None
        return DatabaseStore(engine, environment, parsed.database or str(parsed), file)
    try:
        engine = sa.create_engine(parsed, pool_pre_ping=True)
    except ImportError as error:
        raise InvalidConfig.of(
            "state cannot be opened",
            f"`state.url` needs {error.name}, which is not installed here. Install it: pip install 'mlops[postgres]'; the "
            "address begins with `postgresql+psycopg://`.",
        ) from None
    except sa.exc.ArgumentError:
        raise _not_an_address() from None
    return DatabaseStore(engine, environment, parsed.set(query={}).render_as_string(hide_password=True))
