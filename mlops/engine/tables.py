"""Lay out the state's database.

Lives here: the tables, the statements that an apply makes a thousand of, DATABASE_FORMAT, and migrate.
Not here: what the rows mean (store, lease).
Law: a step of MIGRATIONS is never changed once it was released; each works on SQLite and PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy import bindparam

DATABASE_FORMAT = 2
MIGRATIONS: Mapping[int, tuple[str, ...]] = {
    1: ("ALTER TABLE mlops_intents ADD COLUMN body TEXT",),
}
"""Format -> the statements that lead from it to the next format."""

tables = sa.MetaData()
meta = sa.Table(
    "mlops_meta", tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("format", sa.Integer, nullable=False),
    sa.Column("lineage", sa.String(64), nullable=False), sa.Column("serial", sa.BigInteger, nullable=False),
    sa.Column("salt", sa.String(64), nullable=False),
)  # fmt: skip
records = sa.Table(
    "mlops_records", tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("address", sa.String(160), primary_key=True),
    sa.Column("serial", sa.BigInteger, primary_key=True), sa.Column("at", sa.String(40), nullable=False),
    sa.Column("operation", sa.String(64), nullable=False), sa.Column("body", sa.Text, nullable=True),
)  # fmt: skip
current = sa.Table(
    "mlops_current", tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("address", sa.String(160), primary_key=True),
    sa.Column("serial", sa.BigInteger, nullable=False),
)  # fmt: skip
operations = sa.Table(
    "mlops_operations", tables,
    sa.Column("id", sa.String(64), primary_key=True), sa.Column("environment", sa.String(64), nullable=False),
    sa.Column("started_at", sa.String(40), nullable=False), sa.Column("ended_at", sa.String(40)),
    sa.Column("who", sa.String(160), nullable=False), sa.Column("host", sa.String(255), nullable=False),
    sa.Column("command", sa.Text, nullable=False), sa.Column("commit_id", sa.String(64)),
    sa.Column("plan_digest", sa.String(80), nullable=False), sa.Column("outcome", sa.String(20), nullable=False),
    sa.Column("summary", sa.Text, nullable=False),
)  # fmt: skip
intents = sa.Table(
    "mlops_intents", tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("key", sa.String(80), primary_key=True),
    sa.Column("address", sa.String(160), nullable=False), sa.Column("action", sa.String(40), nullable=False),
    sa.Column("operation", sa.String(64), nullable=False), sa.Column("at", sa.String(40), nullable=False),
    sa.Column("body", sa.Text, nullable=True),
)  # fmt: skip
leases = sa.Table(
    "mlops_leases", tables,
    sa.Column("environment", sa.String(64), primary_key=True), sa.Column("token", sa.BigInteger, nullable=False),
    sa.Column("holder", sa.Text, nullable=True), sa.Column("expires_at", sa.Float, nullable=False),
)  # fmt: skip

RECORDED = (
    sa.select(records.c.address, records.c.serial, records.c.body)
    .select_from(
        current.join(
            records,
            sa.and_(
                records.c.environment == current.c.environment,
                records.c.address == current.c.address,
                records.c.serial == current.c.serial,
            ),
        )
    )
    .where(current.c.environment == bindparam("env"))
)
# Built once: to build an expression costs more than to carry it out.
FENCE = (
    leases.update().where(leases.c.environment == bindparam("env"), leases.c.token == bindparam("held"))
    .values(token=bindparam("held"))
)  # fmt: skip
GROW = meta.update().where(meta.c.environment == bindparam("env")).values(serial=meta.c.serial + bindparam("by"))
SERIAL = sa.select(meta.c.serial).where(meta.c.environment == bindparam("env"))
APPEND = records.insert()
POINT = (
    current.update().where(current.c.environment == bindparam("env"), current.c.address == bindparam("at_"))
    .values(serial=bindparam("now"))
)  # fmt: skip
FIRST = current.insert()
INTEND = intents.insert()
CLOSE = intents.delete().where(intents.c.environment == bindparam("env"), intents.c.key == bindparam("key_"))
CLOSE_ALL = intents.delete().where(intents.c.environment == bindparam("env"), intents.c.address == bindparam("at_"))


def format_of(connection: sa.Connection) -> int | None:
    """Return the format of the whole database; None for a database without environments."""
    return connection.execute(sa.select(sa.func.max(meta.c.format))).scalar()


def migrate(connection: sa.Connection) -> None:
    """Bring the tables to DATABASE_FORMAT, in the transaction of `connection`; create those that are missing."""
    held = format_of(connection) if sa.inspect(connection).has_table(meta.name) else None
    for step in range(held or DATABASE_FORMAT, DATABASE_FORMAT):
        for statement in MIGRATIONS[step]:
            connection.execute(sa.text(statement))
    tables.create_all(connection)
    connection.execute(meta.update().values(format=DATABASE_FORMAT))
