"""Let one apply write at a time.

Lives here: Lease, taken and kept alive with a heartbeat, and Holder, who has it.
Not here: what is written under it (store).
Law: the token only grows; whoever lost the lease can write nothing more, however late it wakes.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa

from mlops.engine.store import DatabaseStore
from mlops.engine.tables import leases
from mlops.errors import LockHeld, MlopsError

TTL = 30.0
"""A lease is free after so many seconds without a heartbeat."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that has the lease. `born`: when the process started, in clock ticks since the machine did; it
    distinguishes the process from a later one with the same number."""

    who: str
    host: str
    pid: int
    born: str
    since: str
    command: str = ""
    """The command that it runs, and where to look at it, such as the address of a CI job."""

    @classmethod
    def me(cls, who: str, since: str, command: str = "") -> Holder:
        return cls(who, socket.gethostname(), os.getpid(), _born(os.getpid()) or "", since, command)

    def is_gone(self) -> bool:
        """Say whether the process ran on this machine and does so no longer."""
        return self.host == socket.gethostname() and _born(self.pid) != self.born

    def __str__(self) -> str:
        command = f", `{self.command}`" if self.command else ""
        return f"{self.who} on {self.host} (process {self.pid}, since {self.since}{command})"


def _born(pid: int) -> str | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]


@contextmanager
def lease(
    store: DatabaseStore, holder: Holder, *, wait: float = 0.0, ttl: float = TTL, clock: Callable[[], float] = time.time
) -> Iterator[int]:
    """Hold the lease and give its fencing token. Raises LockHeld where another process holds it for longer than `wait`
    seconds."""
    store.prepare()
    until = clock() + wait
    while True:
        token, other = _take(store, holder, ttl, clock)
        if token:
            break
        if clock() >= until:
            raise LockHeld.of(
                "another apply is running",
                f"{other} holds the lease of environment {store.environment}. Wait for it (--lock-timeout 5m), or free "
                "the lease if that process is dead: mlops unlock",
            )
        time.sleep(0.2)
    done = threading.Event()
    beat = threading.Thread(target=_beat, args=(store, token, ttl, clock, done), daemon=True, name="lease")
    beat.start()
    try:
        yield token
    finally:
        done.set()
        beat.join(ttl)
        _release(store, token)


def _take(store: DatabaseStore, holder: Holder, ttl: float, clock: Callable[[], float]) -> tuple[int, Holder | None]:
    here = leases.c.environment == store.environment
    with store.writing() as connection:
        row = connection.execute(sa.select(leases).where(here).with_for_update()).first()
        holder_text = json.dumps(asdict(holder))
        if row is None:
            connection.execute(
                leases.insert().values(
                    environment=store.environment, token=1, holder=holder_text, expires_at=clock() + ttl
                )
            )
            return 1, None
        other = _holder(row.holder)
        if other is not None and row.expires_at > clock() and not other.is_gone():
            return 0, other
        connection.execute(
            leases.update().where(here, leases.c.token == row.token)
            .values(token=row.token + 1, holder=holder_text, expires_at=clock() + ttl)
        )  # fmt: skip
        return row.token + 1, None


def _holder(text: str | None) -> Holder | None:
    try:
        return Holder(**json.loads(text)) if text else None
    except (ValueError, TypeError):
        return None


def _beat(store: DatabaseStore, token: int, ttl: float, clock: Callable[[], float], done: threading.Event) -> None:
    while not done.wait(ttl / 4):
        try:
            with store.writing() as connection:
                connection.execute(
                    leases.update().where(leases.c.environment == store.environment, leases.c.token == token)
                    .values(expires_at=clock() + ttl)
                )  # fmt: skip
        except MlopsError:
            continue


def _release(store: DatabaseStore, token: int) -> None:
    """Give the lease back. The token becomes invalid with it: what a thread still does afterwards can write nothing."""
    try:
        with store.writing() as connection:
            connection.execute(
                leases.update().where(leases.c.environment == store.environment, leases.c.token == token)
                .values(token=token + 1, holder=None, expires_at=0.0)
            )  # fmt: skip
    except MlopsError:
        pass


def holder_of(store: DatabaseStore) -> Holder | None:
    """Return who has the lease now, alive or not."""
    with store.reading() as connection:
        row = connection.execute(sa.select(leases.c.holder).where(leases.c.environment == store.environment)).first()
    return _holder(row.holder) if row else None


def free(store: DatabaseStore) -> None:
    """Take the lease from whoever has it: its token becomes invalid, and it can write nothing more."""
    store.prepare()
    with store.writing() as connection:
        connection.execute(
            leases.update().where(leases.c.environment == store.environment)
            .values(token=leases.c.token + 1, holder=None, expires_at=0.0)
        )  # fmt: skip
