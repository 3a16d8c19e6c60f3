"""Read the rows that a user wants scored from a file.

Lives here: read_rows, for JSON, JSON Lines and CSV.
Not here: judging them (the endpoint does).
Law: a cell of a CSV file that is empty or NA is null; a number stays a number.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from mlops.errors import FileLocation, MlopsError


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Read `{"rows": [...]}`, a list, one object, JSON Lines or CSV. Raises MlopsError where the file holds no rows."""
    text = path.read_text(encoding="utf-8-sig")
    if path.suffix == ".csv":
        return [{key: _cell(value) for key, value in row.items()} for row in csv.DictReader(text.splitlines())]
    if path.suffix in (".jsonl", ".ndjson"):
        return [_parse(line, path, number) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    content = _parse(text, path, 1)
    rows = content.get("rows", [content]) if isinstance(content, dict) else content
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise MlopsError.of(
            "no rows",
            f"{path} must hold rows: a list of objects, one object, or an object with a list under `rows`.",
            source=FileLocation(str(path)),
        )
    return rows


def _parse(text: str, path: Path, line: int) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        at = getattr(error, "lineno", 1) + line - 1
        raise MlopsError.of(
            "not JSON",
            f"{path} is not valid JSON: {error}. Correct it, or give the rows as .jsonl or .csv.",
            source=FileLocation(str(path), at),
        ) from error


def _cell(value: str | None) -> Any:
    if value is None or value in ("", "NA"):
        return None
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    for number in (int, float):
        try:
            return number(value)
        except ValueError:
            continue
    return value
