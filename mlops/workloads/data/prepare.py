"""Make a data set.

Lives here: prepare, the whole of the stage: sources, SQL, checks, row cleaning, split, profile, files.
Not here: each of these (sources, sql, columns, checks, splits, profile).
Law: data/NAME appears whole, after everything was checked; the order of rows depends on their content alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mlops.config.schema.dataset import Dataset
from mlops.contracts.stage_params import PrepareParams
from mlops.errors import MlopsError, Problem
from mlops.workloads.data.checks.check import violations
from mlops.workloads.data.columns import ContractTypes, check_columns, type_of, with_named_features
from mlops.workloads.data.images import image_problems
from mlops.workloads.data.parts import write_parts
from mlops.workloads.data.profile import column_profile, profile_of
from mlops.workloads.data.resources import MachineResources
from mlops.workloads.data.rows import Rows, write_rows
from mlops.workloads.data.sorting import sorted_batches
from mlops.workloads.data.sources.source import Place, open_sources
from mlops.workloads.data.splits.split import Numbers, number_rows
from mlops.workloads.data.sql import RESULT, connect, run_sql, seal_database
from mlops.workloads.data.windows import without_overlap
from mlops.workloads.stage import failed, read_params, say, write_json

_FOR_COLUMNS = 0.4
"""Of the memory, how much the columns that are being described may take."""
_BYTES_OF_A_VALUE = 32


def prepare(name: str, *, root: Path = Path()) -> None:
    """Write data/NAME/. Raises MlopsError for sources, SQL, checks or splits that do not hold."""
    section = read_params("dataset", name)["prepare"]
    dataset = Dataset.model_validate(PrepareParams.of(section).spec)
    resources = MachineResources.of()
    parent = root / ".mlops" / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=parent) as folder:
        scratch = Path(folder)
        say("reading sources", 0.0)
        with connect(dataset.sql, resources=resources, spill=scratch / "spill") as connection:
            (scratch / "sources").mkdir()
            source_rows = open_sources(connection, dataset, section, Place.of(root, scratch / "sources"))
            seal_database(connection)
            say("running the SQL", 0.3)
            types = ContractTypes(run_sql(connection, dataset).schema)
            rows = write_rows(scratch / "rows.arrow", types.schema, map(types.cast, sorted_batches(connection, RESULT)))
        types.finish()
        dataset = with_named_features(dataset, rows.schema)
        made = scratch / "made"
        pa.default_memory_pool().release_unused()
        _write(made, rows, dataset, source_rows=source_rows, resources=resources)
        out = root / "data" / name
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made, out)


def _write(out: Path, rows: Rows, dataset: Dataset, *, source_rows: int, resources: MachineResources) -> None:
    kept = _checked(rows, dataset)
    say("splitting", 0.7)
    numbers = without_overlap(rows, number_rows(rows, kept, dataset), dataset)
    _usable(rows, numbers, dataset)
    out.mkdir()
    say("writing", 0.8)
    with ThreadPoolExecutor(1) as beside, ThreadPoolExecutor(_columns_at_once(rows, resources)) as pool:
        written = beside.submit(write_parts, out, rows, numbers)
        columns = list(pool.map(lambda column: column_profile(rows, column, numbers["train"]), rows.column_names))
        written.result()
    profile = profile_of(rows, numbers, kept, dataset)
    profile["rows"]["source"] = source_rows
    profile["columns"] = dict(zip(rows.column_names, columns, strict=True))
    write_json(out / "schema.json", _schema(rows.schema, dataset))
    write_json(out / "profile.json", profile)
    say(f"{len(kept):,} rows", 1.0)


def _columns_at_once(rows: Rows, resources: MachineResources) -> int:
    """Return how many columns may be described at the same time: one is in memory as it is read, as numbers, and sorted."""
    fit: int = int(_FOR_COLUMNS * resources.memory) // max(1, _BYTES_OF_A_VALUE * rows.num_rows)
    return int(max(1, min(fit, resources.threads - 1)))


def _checked(rows: Rows, dataset: Dataset) -> Numbers:
    """Return the numbers of the rows that are left after cleaning. Raises MlopsError for what does not hold."""
    check_columns(rows, dataset)
    problems = [Problem("check failed", sentence) for sentence in violations(rows, dataset.expect)]
    if problems:
        raise MlopsError(*problems)
    kept = _kept(rows, dataset)
    if found := [Problem("image cannot be used", sentence) for sentence in image_problems(rows, kept, dataset)]:
        raise MlopsError(*found)
    for label in dataset.labels:
        missing = int(pc.sum(pc.is_null(rows[label].take(pa.array(kept)))).as_py())
        if missing:
            raise failed(
                "label is missing",
                f"{missing:,} of {len(kept):,} rows have no `{label}`. Take them out in the SQL: WHERE {label} IS NOT NULL.",
            )
    return kept


def _kept(rows: Rows, dataset: Dataset) -> Numbers:
    mask = np.ones(rows.num_rows, dtype=bool)
    for column, cleaning in dataset.clean.items():
        if cleaning.missing == "drop":
            mask &= pc.is_valid(rows[column]).to_numpy()
    kept = np.flatnonzero(mask)
    if not len(kept):
        raise failed(
            "no rows", "After the SQL and the cleaning no row is left. Look at `sql`, and at `clean` with `drop`."
        )
    return kept


def _usable(rows: Rows, numbers: Mapping[str, Numbers], dataset: Dataset) -> None:
    empty = [name for name, part in numbers.items() if not len(part)]
    if empty:
        counts = ", ".join(f"{name} {len(part):,}" for name, part in numbers.items())
        raise failed("empty split", f"{' and '.join(empty)} would have no rows ({counts}). Look at `split`.")
    for label in dataset.labels:
        labels = rows[label]
        for name, part in numbers.items():
            if pc.count_distinct(labels.take(pa.array(part))).as_py() < 2:
                raise failed(
                    "label has one class",
                    f"Every row of {name} has the same `{label}`, so nothing can be learned or measured. Look at the SQL and "
                    "at `split`.",
                )


def _schema(schema: pa.Schema, dataset: Dataset) -> dict[str, Any]:
    features = dataset.features.columns
    return {
        "format": 1,
        "label": dataset.label,
        "columns": [
            {"name": field.name, "type": type_of(field.type), "nullable": True, "feature": field.name in features}
            for field in schema
        ],
        "features": dataset.features.written(),
        "clean": {
            name: cleaning.model_dump(mode="json", exclude_defaults=True) for name, cleaning in dataset.clean.items()
        },
        **({"window": dataset.window.model_dump(mode="json")} if dataset.window else {}),
    }
