"""Read when something is to run.

Lives here: next_moment, and cron_fault, what is wrong with a text.
Not here: waiting for it (workloads.scoring.schedule; on a cluster, Kubernetes).
Law: five fields, as cron has them: minute, hour, day of the month, month, day of the week (0 and 7 are Sunday); times are UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7))
_PART = re.compile(r"(?:(\*)|(\d+)(?:-(\d+))?)(?:/(\d+))?")
_LONGEST = timedelta(days=8 * 366)
"""29 February may be so far away."""


def next_moment(text: str, after: datetime) -> datetime:
    """Return the first moment after `after` that a text of cron names. Raises ValueError for a text that names none."""
    minutes, hours, days, months, weekdays = _read(text)
    either = "*" not in (text.split()[2], text.split()[4])
    moment = after.astimezone(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    until = moment + _LONGEST
    while moment < until:
        by_day, by_weekday = moment.day in days, moment.isoweekday() % 7 in weekdays
        if moment.month not in months or not ((by_day or by_weekday) if either else (by_day and by_weekday)):
            moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
        elif moment.hour not in hours:
            moment = moment.replace(minute=0) + timedelta(hours=1)
        elif moment.minute not in minutes:
            moment += timedelta(minutes=1)
        else:
            return moment
    raise ValueError(f"`{text}` names no day that there is")


def cron_fault(text: str) -> str | None:
    """Say what is wrong with a text; None where nothing is."""
    try:
        next_moment(text, datetime(2026, 1, 1, tzinfo=UTC))
    except ValueError as error:
        return str(error)
    return None


def _read(text: str) -> list[frozenset[int]]:
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            f"`{text}` is no text of cron; write five fields, such as `0 6 * * *` for each day at 6:00 UTC"
        )
    found = [_numbers(field, *bounds) for field, bounds in zip(fields, _FIELDS, strict=True)]
    return [*found[:4], frozenset(number % 7 for number in found[4])]


def _numbers(field: str, name: str, low: int, high: int) -> frozenset[int]:
    numbers: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"`{field}` is no {name}; write *, a number, 1-5, or one of these with /2 after it")
        first = low if match[1] else int(match[2])
        last = high if match[1] or (match[4] and not match[3]) else int(match[3] or match[2])
        step = int(match[4] or 1)
        if not low <= first <= last <= high or step < 1:
            raise ValueError(f"`{part}` is no {name}, which is from {low} to {high}")
        numbers.update(range(first, last + 1, step))
    return frozenset(numbers)
