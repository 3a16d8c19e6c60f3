"""Keep late labels and the predictions that they belong to.

Lives here: LabelStore, a SQLite file with one row for each request id.
Not here: which labels are of the right type, and what is measured with them (labels).
Law: a label and its prediction meet whichever comes first, over restarts and kills; what is read twice counts once; rows
leave by age alone.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops.contracts.watcher import LabelCounts

_BUSY_SECONDS = 30.0
_CACHE_KIBIBYTES = 16 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY, predicted_at REAL, predicted TEXT, predicted_rows INTEGER, labelled_at REAL, label TEXT,
    label_rows INTEGER, slices TEXT, model TEXT, measured INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS predicted ON requests (predicted_at) WHERE predicted IS NOT NULL;
CREATE INDEX IF NOT EXISTS waiting ON requests (labelled_at) WHERE predicted IS NULL;
CREATE INDEX IF NOT EXISTS joined ON requests (labelled_at) WHERE predicted IS NOT NULL AND label IS NOT NULL;
CREATE INDEX IF NOT EXISTS uneven ON requests (predicted_rows) WHERE predicted_rows <> label_rows;
CREATE INDEX IF NOT EXISTS unmeasured ON requests (labelled_at)
    WHERE predicted IS NOT NULL AND label IS NOT NULL AND measured IS NULL;
CREATE TABLE IF NOT EXISTS steps (
    number INTEGER PRIMARY KEY, model TEXT, rows INTEGER, misses REAL, trials REAL, alarmed INTEGER, shown TEXT
);
CREATE TABLE IF NOT EXISTS refused (id TEXT, at REAL, label TEXT, reason TEXT, PRIMARY KEY (id, at)) WITHOUT ROWID;
"""
_PREDICTED = """
INSERT INTO requests (id, predicted_at, predicted, predicted_rows, slices, model) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO UPDATE SET
    predicted_at = excluded.predicted_at, predicted = excluded.predicted, predicted_rows = excluded.predicted_rows,
    slices = excluded.slices, model = excluded.model
WHERE requests.predicted IS NULL OR requests.label IS NULL
"""
_LABELLED = """
INSERT INTO requests (id, labelled_at, label, label_rows) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    labelled_at = excluded.labelled_at, label = excluded.label, label_rows = excluded.label_rows
WHERE requests.label IS NULL OR (excluded.labelled_at >= requests.labelled_at AND excluded.label <> requests.label)
"""
_LATER = {"slices": "TEXT", "model": "TEXT", "measured": "INTEGER"}
"""Columns that a file of a version before this one lacks."""
_JOINED = "predicted IS NOT NULL AND label IS NOT NULL"


class LabelStore:
    """Holds predictions that wait for a label, labels that wait for a prediction, pairs, and labels that were refused.

    `path`: the file; one that SQLite cannot read is set aside under another name. Times are Unix seconds of the log. `model`:
    what tells predictions of one model from those of another; pairs of this one, or of no known one, are measured.
    """

    def __init__(self, path: Path, model: str = "") -> None:
        self._path, self._model = path, model
        try:
            self._database = self._opened()
        except sqlite3.OperationalError:
            raise  # the disk is full, the folder read-only: not the file's fault
        except sqlite3.DatabaseError as error:
            aside = path.with_name(f"{path.name}.damaged")
            print(f"{path} cannot be read ({error}): it is now {aside.name}, and labels are kept anew.", flush=True)
            path.replace(aside)
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            self._database = self._opened()

    def _opened(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level="DEFERRED")
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute(f"PRAGMA cache_size = -{_CACHE_KIBIBYTES}")
            known = {row[1] for row in database.execute("PRAGMA table_info(requests)")}
            for column, kind in _LATER.items():
                if known and column not in known:
                    database.execute(f"ALTER TABLE requests ADD COLUMN {column} {kind}")
            database.executescript(_SCHEMA)
        except sqlite3.Error:
            database.close()
            raise
        return database

    def predicted(self, request_id: str, values: Sequence[Any], at: float, slices: Sequence[Any] | None = None) -> None:
        """Keep what was predicted. A request that was labelled already keeps the prediction that it has. `slices`: for each row,
        the texts of the columns by which it is measured too."""
        row = (request_id, at, json.dumps(values), len(values), json.dumps(slices) if slices else None, self._model)
        self._database.execute(_PREDICTED, row)

    def labelled(self, request_id: str, labels: Sequence[Any], at: float) -> None:
        """Keep the labels of a request's rows; later ones take the place of earlier ones."""
        found = self._database.execute("SELECT predicted_rows FROM requests WHERE id = ?", (request_id,)).fetchone()
        if found is not None and found[0] is not None and found[0] != len(labels):
            self.refused(request_id, labels, _uneven(found[0], len(labels)), at)
            return
        self._database.execute(_LABELLED, (request_id, at, json.dumps(labels), len(labels)))

    def refused(self, request_id: str, label: Any, reason: str, at: float) -> None:
        """Set a label aside, once for each reason."""
        row = (request_id, at, json.dumps(label), reason)
        again = "SELECT 1 FROM refused WHERE id = ?1 AND reason = ?4"
        self._database.execute(f"INSERT OR IGNORE INTO refused SELECT ?1, ?2, ?3, ?4 WHERE NOT EXISTS ({again})", row)

    def commit(self) -> None:
        """Make what was given durable; set labels aside that came before their prediction and do not have its number."""
        uneven = (
            "SELECT id, label, predicted_rows, label_rows, labelled_at FROM requests WHERE predicted_rows <> label_rows"
        )
        for request_id, label, predicted, labelled, at in self._database.execute(uneven).fetchall():
            self.refused(request_id, json.loads(label), _uneven(predicted, labelled), at)
            forget = "UPDATE requests SET label = NULL, label_rows = NULL, labelled_at = NULL WHERE id = ?"
            self._database.execute(forget, (request_id,))
        self._database.commit()

    def expire(self, now: float, keep: float) -> None:
        """Forget what is older than `keep` seconds; a label whose prediction never came is set aside."""
        reason = f"no request with this id is in the prediction log within {keep:g} seconds of its label"
        lost = "FROM requests WHERE predicted IS NULL AND labelled_at < ?"
        self._database.execute(
            f"INSERT OR IGNORE INTO refused SELECT id, labelled_at, label, ? {lost}",
            (reason, now - keep),
        )
        self._database.execute(f"DELETE {lost}", (now - keep,))
        self._database.execute("DELETE FROM requests WHERE predicted IS NOT NULL AND predicted_at < ?", (now - keep,))
        self._database.execute("DELETE FROM refused WHERE at < ?", (now - 2 * keep,))
        self._database.commit()

    def recent(self, rows: int) -> list[tuple[Any, Any]]:
        """Return pairs of prediction and label: of the requests labelled last, until there are `rows`; the oldest first. A row without
        a label yet makes none."""
        return [(value, label) for value, label, _ in self.recent_sliced(rows)]

    def recent_sliced(self, rows: int) -> list[tuple[Any, Any, Any]]:
        """Return the same, each with its slices; None where it has none."""
        where = f"{_JOINED} AND (model IS NULL OR model = ?)"
        newest = (
            f"SELECT predicted, label, slices FROM requests WHERE {where} ORDER BY labelled_at DESC, id DESC LIMIT ?"  # noqa: S608
        )
        pairs: list[tuple[Any, Any, Any]] = []
        for found in self._database.execute(newest, (self._model, rows)):
            pairs.extend(reversed(_rows_of(*found)))
            if len(pairs) >= rows:
                break
        return pairs[:rows][::-1]

    def unmeasured(self, rows: int) -> tuple[list[tuple[Any, Any]], list[str], float]:
        """Return pairs that are in no step yet, about so many of the oldest; their requests, and when the last label came."""
        oldest = (
            f"SELECT id, labelled_at, predicted, label FROM requests WHERE {_JOINED} AND measured IS NULL "  # noqa: S608
            "AND (model IS NULL OR model = ?) ORDER BY labelled_at, id"
        )
        pairs: list[tuple[Any, Any]] = []
        ids: list[str] = []
        last = 0.0
        for request_id, at, predicted, label in self._database.execute(oldest, (self._model,)):
            pairs.extend(pair[:2] for pair in _rows_of(predicted, label, None))
            ids.append(request_id)
            last = at
            if len(pairs) >= rows:
                break
        return pairs, ids, last

    def add_step(self, step: tuple[int, float, float, str], ids: Sequence[str]) -> None:
        """Keep what some requests showed, (rows, misses, trials, JSON text), and that they are in a step, in one transaction."""
        self._database.execute(
            "INSERT INTO steps (model, rows, misses, trials, shown) VALUES (?, ?, ?, ?, ?)", (self._model, *step)
        )
        self._database.executemany("UPDATE requests SET measured = 1 WHERE id = ?", ((one,) for one in ids))
        self._database.commit()

    def steps(self, most: int) -> list[tuple[int, int, float, float, bool, str]]:
        """Return the last steps, (number, rows, misses, trials, whether an alarm followed, JSON text), the oldest first."""
        last = (
            "SELECT number, rows, misses, trials, alarmed IS NOT NULL, shown FROM steps WHERE model = ? "
            "ORDER BY number DESC LIMIT ?"
        )
        found = self._database.execute(last, (self._model, most)).fetchall()
        return [(*row[:4], bool(row[4]), row[5]) for row in found[::-1]]

    def alarmed(self, number: int) -> None:
        """Remember that a finding stands on the steps up to one, so that the next stands on later ones."""
        self._database.execute("UPDATE steps SET alarmed = 1 WHERE number = ?", (number,))
        self._database.commit()

    def counts(self) -> LabelCounts:
        one = self._database.execute
        last = one("SELECT id, reason FROM refused ORDER BY at DESC, id DESC LIMIT 1").fetchone()
        return LabelCounts(
            joined=one(f"SELECT count(*) FROM requests WHERE {_JOINED}").fetchone()[0],  # noqa: S608
            waiting=one("SELECT count(*) FROM requests WHERE predicted IS NULL").fetchone()[0],
            refused=one("SELECT count(*) FROM refused").fetchone()[0],
            reason=f"{last[0]}: {last[1]}" if last else None,
        )

    def close(self) -> None:
        self._database.close()


def _uneven(predicted: int, labelled: int) -> str:
    return f"it has labels for {labelled} row{'s' if labelled != 1 else ''}, and its request had {predicted}"


def _rows_of(predicted: str, label: str, slices: str | None) -> list[tuple[Any, Any, Any]]:
    values, labels = json.loads(predicted), json.loads(label)
    each = json.loads(slices) if slices else [None] * len(values)
    return [row for row in zip(values, labels, each, strict=True) if row[1] is not None]
