"""Keep messages until they were sent.

Lives here: Outbox, OutboxMessage, and KeptMessage.
Not here: which messages there are (alerter), sending (sending).
Law: what was put in is on the disk before the call returns, and leaves only by having been sent, or by being
withdrawn; a key is put in once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_FIRST_WAIT, _LONGEST_WAIT = 5.0, 3600.0
"""Seconds until a message that could not be sent is tried again: doubled each time, up to the second number."""
_KEPT = 90 * 86400.0
"""Seconds that it is remembered that a message was sent."""


@dataclass(frozen=True)
class OutboxMessage:
    """One message for one route. `key`: names the event and the route."""

    key: str
    route: str
    severity: str
    title: str
    body: str


@dataclass(frozen=True)
class KeptMessage:
    """A message that was put in. `at`: when it was sent or, while it waits, made. `sent`: None while it waits."""

    severity: str
    at: float
    sent: float | None


class Outbox:
    """The messages of one monitor, in the file `path`. One process at a time uses it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._connected() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS messages (key TEXT PRIMARY KEY, route TEXT, severity TEXT, title TEXT, body TEXT, "
                "made REAL, due REAL, tries INTEGER DEFAULT 0, sent REAL, error TEXT)"
            )

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._path, timeout=30)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            with connection:
                yield connection
        finally:
            connection.close()

    def put(self, message: OutboxMessage, *, now: float, due: float) -> bool:
        """Keep a message, unless its key was put in before; return whether it is new."""
        with self._connected() as connection:
            found = connection.execute(
                "INSERT OR IGNORE INTO messages (key, route, severity, title, body, made, due) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (message.key, message.route, message.severity, message.title, message.body, now, due),
            )
            return found.rowcount == 1

    def due(self, now: float) -> list[OutboxMessage]:
        """Return what is to be sent now, the oldest first."""
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT key, route, severity, title, body FROM messages WHERE sent IS NULL AND due <= ? ORDER BY made, key",
                (now,),
            ).fetchall()
        return [OutboxMessage(*row) for row in rows]

    def waiting(self) -> int:
        """Return how many messages were not sent yet."""
        with self._connected() as connection:
            return int(connection.execute("SELECT count(*) FROM messages WHERE sent IS NULL").fetchone()[0])

    def about(self, prefix: str) -> list[KeptMessage]:
        """Return the messages whose key begins with `prefix`, sent and waiting ones."""
        with self._connected() as connection:
            rows = connection.execute(
                "SELECT severity, coalesce(sent, made), sent FROM messages WHERE substr(key, 1, ?) = ?",
                (len(prefix), prefix),
            ).fetchall()
        return [KeptMessage(*row) for row in rows]

    def withdraw(self, prefix: str) -> None:
        """Take out the messages that were not sent yet and whose key begins with `prefix`."""
        with self._connected() as connection:
            connection.execute(
                "DELETE FROM messages WHERE sent IS NULL AND substr(key, 1, ?) = ?", (len(prefix), prefix)
            )

    def sent(self, key: str, now: float) -> None:
        with self._connected() as connection:
            connection.execute("UPDATE messages SET sent = ?, error = NULL WHERE key = ?", (now, key))
            connection.execute("DELETE FROM messages WHERE sent < ?", (now - _KEPT,))

    def failed(self, key: str, now: float, error: str) -> None:
        """Have a message tried again later."""
        with self._connected() as connection:
            (tries,) = connection.execute("SELECT tries FROM messages WHERE key = ?", (key,)).fetchone()
            wait = min(_FIRST_WAIT * 2 ** min(tries, 20), _LONGEST_WAIT)
            connection.execute(
                "UPDATE messages SET tries = tries + 1, due = ?, error = ? WHERE key = ?", (now + wait, error, key)
            )
