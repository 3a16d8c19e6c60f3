"""Say what went wrong.

Lives here: FileLocation and Problem, MlopsError with its kinds, each with the exit code of the command line, refusal, and near (the
hint at a likely slip).
Not here: how a problem is drawn (render), who prints it (cli).
Law: a problem says what, where, why and what to do next; each room adds only what it knows.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Self


@dataclass(frozen=True, slots=True)
class FileLocation:
    """A place in a file of the user. `line` and `column` count from 1; `width` is the number of characters meant."""

    file: str
    line: int | None = None
    column: int | None = None
    width: int = 1

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Problem:
    """`summary` is a fixed phrase; `detail` says in full sentences what, why and what to do."""

    summary: str
    detail: str
    address: str | None = None
    source: FileLocation | None = None
    hint: str | None = None


def near(name: str, known: Iterable[str]) -> str | None:
    """Return the hint "Did you mean …?" for a likely slip of the hand or of memory, or None. A word that is merely similar
    is another word: `multilabel` is no misspelt `multiclass`."""
    for found in get_close_matches(name, [str(one) for one in known], 5, 0.6):
        if _slips(name.lower(), found.lower()) <= max(2, max(len(name), len(found)) // 4) or _is_part(name, found):
            return f"Did you mean `{found}`?"
    return None


def _is_part(name: str, known: str) -> bool:
    shorter, longer = sorted((name.lower(), known.lower()), key=len)
    return len(shorter) >= 3 and shorter in longer


def _slips(name: str, known: str) -> int:
    """Return how many letters were left out, added, replaced, or swapped with their neighbour: the distance of Damerau and
    Levenshtein, in its restricted form."""
    before: list[int] = []
    row = list(range(len(known) + 1))
    for i, letter in enumerate(name, 1):
        older, before, row = before, row, [i]
        for j, other in enumerate(known, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == known[j - 2] and name[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
    return row[-1]


class MlopsError(Exception):
    exit_code = 1

    def __init__(self, *problems: Problem) -> None:
        if not problems:
            raise ValueError("an error needs at least one problem")
        super().__init__("; ".join(f"{p.summary}: {p.detail}" for p in problems))
        self.problems = problems

    @classmethod
    def of(cls, summary: str, detail: str, **where: object) -> Self:
        return cls(Problem(summary, detail, **where))  # type: ignore[arg-type]

    def at(self, address: str) -> MlopsError:
        """Return the same error with `address` on those problems that have none."""
        problems: Iterable[Problem] = (p if p.address else replace(p, address=address) for p in self.problems)
        return type(self)(*problems)


class InvalidConfig(MlopsError):
    exit_code = 3


class StalePlan(MlopsError):
    exit_code = 4


class LockHeld(MlopsError):
    exit_code = 5


class GateFailed(MlopsError):
    exit_code = 6


class Interrupted(MlopsError):
    exit_code = 130


class ToolFailed(MlopsError):
    """An outside program failed; the detail ends with the command and the end of what it wrote to stderr."""


class StateFailed(MlopsError):
    """The state cannot be read or written; whoever writes it must stop."""


class ApplyFailed(MlopsError):
    pass


_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def refusal(error: Exception) -> MlopsError | None:
    """Return what the machine refused, in sentences; None where the error means something else. Where a library hides
    the error number, its text counts."""
    number = error.errno if isinstance(error, OSError) else None
    where = f"{error.filename}: " if isinstance(error, OSError) and error.filename else ""
    if number in _FULL or "No space left on device" in str(error):
        return MlopsError.of(
            "disk is full",
            f"{where}no space is left. Free some, and run the same command again; what was finished is kept.",
        )
    if number in _FORBIDDEN and isinstance(error, OSError):
        return MlopsError.of(
            "no write permission" if number == errno.EROFS else "no permission",
            f"{where}{error.strerror}. Make it readable and writable for you, and run the same command again.",
        )
    if number in (errno.EMFILE, errno.ENFILE):
        return MlopsError.of(
            "too many open files",
            f"{where}this machine opens no more. Raise the limit (`ulimit -n`), and run it again.",
        )
    return None
