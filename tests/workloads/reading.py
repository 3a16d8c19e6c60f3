"""Open one source as `prepare` does."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import TypeAdapter

from mlops.config.schema.dataset import Dataset
from mlops.config.schema.sources.source import BY_SCHEME, SourceSpec
from mlops.sources.source import FileDigests, fingerprint_of, remote_fingerprint_of
from mlops.workloads.data.sources.source import Place, open_sources, remote_fingerprint
from mlops.workloads.data.sql import connect, seal_database
from mlops.workloads.data.sql_text import quoted

Rows = list[tuple[Any, ...]]


def fingerprint(root: Path, source: dict[str, Any]) -> str:
    """Return what a plan pins of the source."""
    if remote_fingerprint_of(source) is None:
        return fingerprint_of(source, root=root, digests=FileDigests())
    judge: TypeAdapter[SourceSpec] = TypeAdapter(Annotated[SourceSpec, BY_SCHEME])
    return remote_fingerprint(judge.validate_python(source), Place.of(root, root))


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
