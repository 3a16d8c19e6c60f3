"""Open one source as `prepare` does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlops.config.schema.dataset import Dataset
from mlops.workloads.data.sources.source import Place, newest_fingerprint, open_sources
from mlops.workloads.data.sql import connect, seal_database
from mlops.workloads.data.sql_text import quoted

Rows = list[tuple[Any, ...]]


def fingerprint(root: Path, source: dict[str, Any]) -> str:
    """Return what a plan pins of the source."""
    return newest_fingerprint(source, Place.of(root, root))


def read(root: Path, source: dict[str, Any], name: str = "t", *, pinned: str | None = None) -> tuple[list[str], Rows]:
    """Return the names and types of the columns of a source, and its rows, in their order. `pinned`: the fingerprint that
    params/ holds, where it is not the newest."""
    dataset = Dataset.model_validate(
        {"sources": {name: source}, "features": {"numeric": ["x"]}, "split": {"by": "random"}}
    )
    section = {"sources": {name: source}, "fingerprint": {name: pinned or fingerprint(root, source)}}
    scratch = root / "scratch"
    scratch.mkdir(exist_ok=True)
    with connect() as connection:
        open_sources(connection, dataset, section, Place.of(root, scratch))
        seal_database(connection)
        table = connection.sql(f"FROM {quoted(name)}")
        columns = [f"{column} {kind}" for column, kind in zip(table.columns, table.types, strict=True)]
        return columns, [tuple(row.values()) for row in table.to_arrow_table().to_pylist()]
