"""Reading tables that deltalake and pyiceberg wrote: the pinned version, whatever came later."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.table import Table

from mlops.errors import MlopsError
from tests.workloads.reading import Rows, fingerprint, read

FIRST = pa.table({"a": [1, 2], "b": ["x", None]})
SECOND = pa.table({"a": [3], "b": ["z"]})
NAME = "the día's table"
DELTA: dict[str, Any] = {"uri": f"delta://{NAME}"}
ICEBERG: dict[str, Any] = {"uri": f"iceberg://lake/n/{NAME}"}


def sorted_rows(root: Path, source: dict[str, Any], *, pinned: str | None = None) -> tuple[list[str], Rows]:
    columns, rows = read(root, source, pinned=pinned)
    return columns, sorted(rows, key=str)


def test_delta_table_is_read_as_it_was_pinned(tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path / NAME, FIRST)
    first = fingerprint(tmp_path, DELTA)
    assert sorted_rows(tmp_path, DELTA) == (["a BIGINT", "b VARCHAR"], [(1, "x"), (2, None)])
    deltalake.write_deltalake(tmp_path / NAME, SECOND, mode="append")
    assert fingerprint(tmp_path, DELTA) != first
    assert sorted_rows(tmp_path, DELTA)[1] == [(1, "x"), (2, None), (3, "z")]
    assert sorted_rows(tmp_path, DELTA, pinned=first)[1] == [(1, "x"), (2, None)]
    deltalake.DeltaTable(tmp_path / NAME).delete("a = 1")
    chosen = {**DELTA, "columns": ["a"], "types": {"a": "string"}}
    assert sorted_rows(tmp_path, chosen) == (["a VARCHAR"], [("2",), ("3",)])


def test_delta_table_that_was_made_anew_is_another(tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path / NAME, FIRST)
    first = fingerprint(tmp_path, DELTA)
    shutil.rmtree(tmp_path / NAME)
    deltalake.write_deltalake(tmp_path / NAME, FIRST)
    with pytest.raises(MlopsError, match="no longer has version 0, which params/ pins"):
        read(tmp_path, DELTA, pinned=first)


def test_folder_without_a_table_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(MlopsError, match="is no Delta table"):
        fingerprint(tmp_path, {"uri": "delta://empty"})
    with pytest.raises(MlopsError, match="is no Iceberg table"):
        fingerprint(tmp_path, {"uri": "iceberg://empty"})


@pytest.fixture
def table(tmp_path: Path) -> Table:
    folder = tmp_path / "lake"
    folder.mkdir()
    catalog = SqlCatalog("c", uri=f"sqlite:///{folder}/catalog.db", warehouse=str(folder))
    catalog.create_namespace("n")
    made = catalog.create_table("n.t", schema=FIRST.schema, location=str(folder / "n" / NAME))
    made.append(FIRST)
    catalog.close()
    return made


def test_iceberg_table_is_read_as_it_was_pinned(tmp_path: Path, table: Table) -> None:
    first = fingerprint(tmp_path, ICEBERG)
    assert first.startswith(f"{table.metadata.current_snapshot_id}-")
    assert sorted_rows(tmp_path, ICEBERG) == (["a BIGINT", "b VARCHAR"], [(1, "x"), (2, None)])
    table.append(SECOND)
    assert fingerprint(tmp_path, ICEBERG) != first
    assert sorted_rows(tmp_path, ICEBERG)[1] == [(1, "x"), (2, None), (3, "z")]
    assert sorted_rows(tmp_path, ICEBERG, pinned=first)[1] == [(1, "x"), (2, None)]
    table.delete("a = 1")
    assert sorted_rows(tmp_path, {**ICEBERG, "columns": ["a"]}) == (["a BIGINT"], [(2,), (3,)])
    with pytest.raises(MlopsError, match="has no snapshot 17, which params/ pins"):
        read(tmp_path, ICEBERG, pinned="17-0")


def test_iceberg_table_is_read_where_it_was_moved(tmp_path: Path, table: Table) -> None:
    (tmp_path / "lake" / "n" / NAME).rename(tmp_path / "moved")
    assert sorted_rows(tmp_path, {"uri": "iceberg://moved"})[1] == [(1, "x"), (2, None)]


def test_iceberg_metadata_is_found_by_hint_number_or_name(tmp_path: Path, table: Table) -> None:
    newest = fingerprint(tmp_path, ICEBERG)
    metadata = tmp_path / "lake" / "n" / NAME / "metadata"
    oldest, appended = sorted(metadata.glob("*.metadata.json"))
    with pytest.raises(MlopsError, match="has no snapshot, and so no rows"):
        fingerprint(tmp_path, {"uri": f"{ICEBERG['uri']}/metadata/{oldest.name}"})
    assert fingerprint(tmp_path, {"uri": f"{ICEBERG['uri']}/metadata/{appended.name}"}) == newest
    shutil.copy(oldest, metadata / "00001-other.metadata.json")
    with pytest.raises(MlopsError, match="several newest files of metadata"):
        fingerprint(tmp_path, ICEBERG)
    packed = metadata / "v7.gz.metadata.json"
    packed.write_bytes(gzip.compress(appended.read_bytes()))
    (metadata / "version-hint.text").write_text("7")
    assert fingerprint(tmp_path, ICEBERG) == newest
    assert sorted_rows(tmp_path, ICEBERG)[1] == [(1, "x"), (2, None)]
