"""The moments that a text of cron names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlops.contracts.cron import cron_fault, next_moment


@pytest.mark.parametrize(
    ("text", "after", "following"),
    [
        ("0 6 * * *", "2026-01-05T06:00", "2026-01-06T06:00"),
        ("0 6 * * *", "2026-01-05T05:59", "2026-01-05T06:00"),
        ("*/15 * * * *", "2026-01-05T05:46", "2026-01-05T06:00"),
        ("30 8-10/2 * * *", "2026-01-05T08:30", "2026-01-05T10:30"),
        ("0 0 1,15 * *", "2026-01-15T00:00", "2026-02-01T00:00"),
        ("0 12 * * 1-5", "2026-01-09T12:00", "2026-01-12T12:00"),
        ("0 12 * * 7", "2026-01-05T00:00", "2026-01-11T12:00"),
        ("0 0 13 * 5", "2026-01-05T00:00", "2026-01-09T00:00"),
        ("0 0 29 2 *", "2026-01-05T00:00", "2028-02-29T00:00"),
        ("5/20 * * * *", "2026-01-05T00:06", "2026-01-05T00:25"),
    ],
)
def test_next_moment_is_the_first_one_after(text: str, after: str, following: str) -> None:
    found = next_moment(text, datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(following).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "0 6 * *", "60 * * * *", "* 24 * * *", "0 0 0 * *", "a * * * *", "0 0 30 2 *", "5-1 * * * *"]
)
def test_text_that_names_no_moment_is_refused(text: str) -> None:
    assert cron_fault(text)
