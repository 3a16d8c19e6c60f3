"""Read a data set's rows.

Lives here: SplitView, the rows of one split.
Not here: making them (workloads.data).
Law: nothing is read before it is asked for, and then only the columns that are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mlops.api.notebook.frames import require_arrow
from mlops.errors import MlopsError, near
from mlops.render.table import render_table_html
from mlops.sources.dataset import SPLIT_NAMES

_SHOWN = 10


class SplitView:
    """The rows of one split of a data set, as training sees them: checked and cleaned, before features are made of them.

    >>> rows = project.data("churn", split="test")
    >>> len(rows) > 100
    True
    >>> rows.columns
    ('months', 'plan', 'churned')
    >>> rows.to_arrow(columns=["months"]).num_columns
    1
    >>> sorted(rows.to_pandas()["plan"].dropna().unique())
    ['basic', 'plus']
    """

    def __init__(self, dataset: str, split: str, folder: Path) -> None:
        self.dataset, self.split = dataset, split
        self._path = folder / f"{split}.parquet"
        if split not in SPLIT_NAMES:
            raise MlopsError.of(
                "no such split", f"`{split}` is no split of a data set; there are {', '.join(SPLIT_NAMES)}.", hint=near(split, SPLIT_NAMES)
            )  # fmt: skip
        if not self._path.is_file():
            raise MlopsError.of(
                "no data here",
                f"dataset.{dataset} has no rows in {folder}. Make them with `mlops apply`, or fetch what was made elsewhere with "
                "`dvc pull`.",
                address=f"dataset.{dataset}",
            )

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._schema().names)

    def to_arrow(self, columns: Sequence[str] | None = None) -> Any:
        """Return an Arrow table of all columns, or of those that are named. Raises MlopsError for a column that is not there."""
        known = self.columns
        unknown = next((name for name in columns or () if name not in known), None)
        if unknown is not None:
            raise MlopsError.of(
                "no such column", f"dataset.{self.dataset} has no column `{unknown}`; it has {', '.join(known)}.",
                hint=near(unknown, known),
            )  # fmt: skip
        return self._parquet().read_table(self._path, columns=None if columns is None else list(columns))

    def to_pandas(self, columns: Sequence[str] | None = None) -> Any:
        """Return a pandas frame of all columns, or of those that are named."""
        return self.to_arrow(columns).to_pandas()

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        """Give the rows to whatever reads Arrow data: `polars.DataFrame(rows)`, `duckdb.sql("FROM rows")`."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return int(self._parquet().read_metadata(self._path).num_rows)

    def __repr__(self) -> str:
        return f"<SplitView of dataset.{self.dataset}, split {self.split}: {len(self):,} rows, {len(self.columns)} columns>"

    def _repr_html_(self) -> str:
        first = self._parquet().ParquetFile(self._path).iter_batches(_SHOWN)
        shown = next(first).to_pylist() if len(self) else []
        return render_table_html(shown, caption=f"{len(self):,} rows, {len(self.columns)} columns")

    def _schema(self) -> Any:
        return self._parquet().read_schema(self._path)

    def _parquet(self) -> Any:
        require_arrow()
        import pyarrow.parquet

        return pyarrow.parquet
