"""Read the ledger of a batch, wherever its rows go.

Lives here: ScoresPlace, place_of, its two kinds (a folder, a table), and ledger_totals, what a ledger says of all that was scored.
Not here: writing rows (workloads.scoring), the form of a ledger (contracts).
Law: the ledger lies where the rows lie, so that all who share them share it; all that is written here is that an interval is
to be scored again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from mlops.address import Address
from mlops.context.context import Context
from mlops.contracts.codec import decode, encode
from mlops.contracts.intervals import latest
from mlops.contracts.ledger import append_line, read_ledger
from mlops.contracts.scoring import LedgerLine, ledger_table
from mlops.errors import MlopsError
from mlops.secret_values import SecretReader

if TYPE_CHECKING:
    import sqlalchemy as sa


class ScoresPlace(Protocol):
    """Where the rows of a batch go. `name`: as people call it."""

    @property
    def name(self) -> str: ...

    def ledger(self) -> dict[str, LedgerLine]:
        """Return the last line of each interval. Raises MlopsError where it cannot be read."""

    def missing(self, ledger: Mapping[str, LedgerLine]) -> list[str]:
        """Return the intervals that the ledger has and whose rows are gone, where that can be seen at a glance."""

    def add(self, line: LedgerLine) -> None:
        """Append a line. Raises MlopsError."""


def place_of(context: Context, address: Address, output: Mapping[str, Any]) -> ScoresPlace:
    """Return the place that `output` of a batch names. `output`: effective."""
    if output["url"] is not None:
        return _Table(context.root, str(output["url"]), str(output["table"]))
    return _Folder(context.root, str(output["path"] or f"scores/{address.name}"))


@dataclass(frozen=True)
class _Folder:
    root: Path
    path: str

    @property
    def name(self) -> str:
        return self.path

    @property
    def _folder(self) -> Path:
        return self.root / self.path

    def ledger(self) -> dict[str, LedgerLine]:
        try:
            return read_ledger(self._folder)
        except OSError as error:
            raise MlopsError.of("ledger cannot be read", f"{error.filename}: {error.strerror}.") from error

    def missing(self, ledger: Mapping[str, LedgerLine]) -> list[str]:
        there = {path.name for path in self._folder.glob("*.parquet")} if ledger else set()
        return [name for name, line in ledger.items() if line.rows and f"{name}.parquet" not in there]

    def add(self, line: LedgerLine) -> None:
        try:
            append_line(self._folder, line)
        except OSError as error:
            raise MlopsError.of("ledger cannot be written", f"{error.filename}: {error.strerror}.") from error


@dataclass(frozen=True)
class _Table:
    root: Path
    url: str
    table: str

    @property
    def name(self) -> str:
        return f"the table {self.table}"

    def ledger(self) -> dict[str, LedgerLine]:
        import sqlalchemy as sa  # a folder needs no database

        with self._transaction() as connection:
            if not sa.inspect(connection).has_table(ledger_table(self.table)):
                return {}
            name = connection.dialect.identifier_preparer.quote(ledger_table(self.table))
            lines = connection.exec_driver_sql(f"SELECT line FROM {name} ORDER BY number").scalars()  # noqa: S608
            return latest(decode(LedgerLine, line) for line in lines)

    def missing(self, ledger: Mapping[str, LedgerLine]) -> list[str]:
        return []

    def add(self, line: LedgerLine) -> None:
        import sqlalchemy as sa

        table = sa.table(ledger_table(self.table), sa.column("line"))
        with self._transaction() as connection:
            connection.execute(sa.insert(table).values(line=encode(line)))

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        import sqlalchemy as sa

        from mlops.engine.store import in_project

        secrets = SecretReader(self.root / ".mlops" / "secrets")
        url = in_project(secrets.fill(self.url, field="output.url"), self.root)
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        try:
            with engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            said = secrets.mask(str(getattr(error, "orig", None) or error).strip())
            raise MlopsError.of(
                "database does not answer",
                f"The database of the table {self.table} says: {said}. Look at `output.url`, and whether it runs.",
            ) from None


def ledger_totals(ledger: Mapping[str, LedgerLine]) -> dict[str, Any]:
    """Return what a ledger says of all that was scored, with a digest of it."""
    scored = {name: line for name, line in ledger.items() if line.version}
    digest = hashlib.sha256()
    for name in sorted(scored):
        line = scored[name]
        digest.update(f"{name} {line.digest} {line.version} {line.rows} {line.md5}\n".encode())
    return {
        "digest": digest.hexdigest(), "intervals": len(scored), "rows": sum(line.rows for line in scored.values()),
        "rejected": sum(line.rejected for line in scored.values()), "first": min(scored, default=None),
        "last": max(scored, default=None),
    }  # fmt: skip
