"""Hold a few rows that a notebook shows.

Lives here: TableView.
Not here: drawing one (render.table), the rows of data sets (data).
Law: it is a list of mappings, whatever else it can do.
"""

from __future__ import annotations

from typing import Any

from mlops.api.notebook.frames import require_arrow
from mlops.render.table import render_table, render_table_html


class TableView(list[dict[str, Any]]):
    """Rows, drawn as a table by notebooks and by `print`.

    >>> TableView([{"model": "churn", "test_auc": 0.84}])
    model  test_auc
    churn  0.84
    """

    def to_arrow(self) -> Any:
        """Return the rows as an Arrow table."""
        return require_arrow().Table.from_pylist(list(self))

    def to_pandas(self) -> Any:
        """Return the rows as a pandas frame."""
        return self.to_arrow().to_pandas()

    def __repr__(self) -> str:
        return render_table(self)

    def _repr_html_(self) -> str:
        return render_table_html(self)
