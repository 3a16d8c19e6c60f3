"""Write rows of a table as a request holds them.

Lives here: plain_rows.
Not here: which rows (export, explanation).
Law: what is written is what `/predict` reads.
"""

from __future__ import annotations

import base64
from typing import Any

import pyarrow as pa


def plain_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Return each row as column: value."""
    return [{key: _plain(value) for key, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value if value is None or isinstance(value, bool | int | float | str) else value.isoformat()
