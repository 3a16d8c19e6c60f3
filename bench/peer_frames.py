"""Prepare a table as one writes it with pandas or polars: python peer_frames.py pandas|polars FILE.

Lives here: the two peers of the benchmark of preparation.
Not here: measuring (preparation).
Law: each as its documentation would write it; one library is imported, never both.
"""

from __future__ import annotations

import datetime as dt
import sys

VAL, TEST = dt.date(2014, 9, 1), dt.date(2014, 10, 1)


def with_polars(source: str) -> None:
    import polars as pl

    table = pl.read_csv(source, try_parse_dates=True) if source.endswith("csv") else pl.read_parquet(source)
    table = table.sort(table.columns).with_columns(pl.col("temp").clip(-38, 38))
    date = pl.col("date")
    parts = {
        "train": table.filter(date < VAL),
        "val": table.filter((date >= VAL) & (date < TEST)),
        "test": table.filter(date >= TEST),
    }
    for name, rows in parts.items():
        rows.write_parquet(f"{name}.parquet", compression="zstd")
    print(parts["train"].describe())


def with_pandas(source: str) -> None:
    import pandas as pd

    table = pd.read_csv(source, parse_dates=["date"]) if source.endswith("csv") else pd.read_parquet(source)
    table["date"] = pd.to_datetime(table["date"])
    table = table.sort_values(list(table.columns))
    table["temp"] = table["temp"].clip(-38, 38)
    val, test = pd.Timestamp(VAL), pd.Timestamp(TEST)
    parts = {
        "train": table[table["date"] < val],
        "val": table[(table["date"] >= val) & (table["date"] < test)],
        "test": table[table["date"] >= test],
    }
    for name, rows in parts.items():
        rows.to_parquet(f"{name}.parquet", compression="zstd", index=False)
    print(parts["train"].describe(include="all"))


if __name__ == "__main__":
    {"pandas": with_pandas, "polars": with_polars}[sys.argv[1]](sys.argv[2])
