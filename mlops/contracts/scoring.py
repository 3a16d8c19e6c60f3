"""Say what a batch reads and writes.

Lives here: IntervalsRequest and IntervalsAnswer (which intervals a source holds), ScoringConfig (what is scored, and whereto), LedgerLine
(what was scored), ScoringReport (how a run went).
Not here: which intervals are due (intervals), reading and scoring (workloads.scoring).
Law: a line of the ledger is written after its rows are safe; what a version before this one wrote is read.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, field

from mlops.contracts.codec import Contract, Document

LEDGER = "_intervals.jsonl"
"""The ledger in the folder of a batch's Parquet files."""
REJECTED = "_rejected"
"""Folder, in that folder, of the rows that could not be scored."""


def ledger_table(table: str) -> str:
    """Return the name of the table that is the ledger of a table of scored rows: its columns are `number` and `line`."""
    return f"{table}_intervals"


def rejected_table(table: str) -> str:
    """Return the name of the table of the rows that were set aside."""
    return f"{table}_rejected"


class InputTables(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """The rows of a batch."""

    tables: Annotated[
        dict[str, dict[str, Any]], Meta(description="Table name -> source, as a data set says it; `input` too.")
    ]
    fingerprints: Annotated[
        dict[str, str], Meta(description="Table name -> fingerprint that the source must have; left out: any.")
    ] = field(default_factory=dict)
    sql: Annotated[str | None, Meta(description="SQL over the tables; null: all of `input`.")] = None
    time: Annotated[
        str | None, Meta(description="Column that says which interval a row belongs to; null: one interval.")
    ] = None
    interval: Annotated[float | None, Meta(description="Seconds of an interval.")] = None


class IntervalRows(Contract, kw_only=True, frozen=True):
    """What a source holds of one interval."""

    name: Annotated[str, Meta(description="Such as 2013-12-01.")]
    rows: Annotated[int, Meta(description="How many.")]
    digest: Annotated[str, Meta(description="Of the rows, in whatever order: VERSION OF DUCKDB:NUMBER.")]


class IntervalsRequest(Document, kw_only=True, frozen=True):
    """What `python -m mlops.workloads.scoring.survey REQUEST ANSWER` reads; its working folder is the project."""

    input: Annotated[InputTables, Meta(description="The rows.")]


class IntervalsAnswer(Document, kw_only=True, frozen=True, omit_defaults=True):
    """What it writes."""

    intervals: Annotated[tuple[IntervalRows, ...], Meta(description="In the order of their time.")] = ()
    undated: Annotated[int, Meta(description="Rows without a time, which belong to no interval.")] = 0
    columns: Annotated[dict[str, str], Meta(description="Column -> its type, as DuckDB calls it.")] = field(
        default_factory=dict
    )
    summary: Annotated[str, Meta(description="What is wrong, in a phrase; empty where nothing is.")] = ""
    detail: Annotated[str, Meta(description="What is wrong, in sentences.")] = ""


class LedgerLine(Contract, kw_only=True, frozen=True, omit_defaults=True):
    """One line of `_intervals.jsonl`, JSON. The last line of an interval counts; a line that is cut off counts as none."""

    interval: Annotated[str, Meta(description="Its name.")]
    at: Annotated[str, Meta(description="When the line was written, as ISO text.")]
    rows: Annotated[int, Meta(description="Rows that were scored.")] = 0
    rejected: Annotated[int, Meta(description="Rows that were set aside, with their reasons.")] = 0
    digest: Annotated[str, Meta(description="Of the rows that were read.")] = ""
    version: Annotated[str, Meta(description="Digest of the package that scored them.")] = ""
    package: Annotated[str, Meta(description="Its tag.")] = ""
    seconds: Annotated[float, Meta(description="How long scoring took.")] = 0.0
    length: Annotated[float | None, Meta(description="Seconds of the interval; null for the only one.")] = None
    md5: Annotated[str, Meta(description="Of the file that was written.")] = ""
    size: Annotated[int, Meta(description="Bytes of the file that was written.")] = 0
    again: Annotated[
        str | None, Meta(description="Who asked, by name, to score it again; null: this line says it was scored.")
    ] = None


class ScoringConfig(Document, kw_only=True, frozen=True, omit_defaults=True):
    """What `python -m mlops.workloads.scoring.score CONFIG.json` reads; its working folder is the project."""

    batch: Annotated[str, Meta(description="Address of the batch.")]
    input: Annotated[InputTables, Meta(description="The rows.")]
    model: Annotated[str, Meta(description="Folder of model.onnx, contract.json, golden.json and api.json.")]
    version: Annotated[str, Meta(description="Digest of the package.")]
    package: Annotated[str, Meta(description="Tag of the package.")]
    folder: Annotated[
        str | None, Meta(description="Folder of the Parquet files and of their ledger; null: a database.")
    ] = None
    url: Annotated[
        str | None, Meta(description="Address of the database, secrets as `${secret:NAME}`; null: a folder.")
    ] = None
    table: Annotated[str | None, Meta(description="Table of the scored rows.")] = None
    lock: Annotated[str, Meta(description="File that one run at a time locks.")]
    intervals: Annotated[
        tuple[IntervalRows, ...] | None, Meta(description="What to score; null: what is due, as found then.")
    ] = None
    delay: Annotated[float, Meta(description="Seconds that an interval waits for late rows.")] = 0.0
    since: Annotated[str | None, Meta(description="The first date whose intervals are scored.")] = None
    restate: Annotated[str, Meta(description="When a scored interval is due again.")] = "by_name"
    columns: Annotated[
        tuple[str, ...] | None, Meta(description="Columns that stand beside the predictions; null: all.")
    ] = None
    max_rejected: Annotated[float, Meta(description="Largest share of an interval's rows that may be set aside.")] = 0.5
    concurrency: Annotated[int, Meta(ge=1, description="Intervals at the same time.")] = 1
