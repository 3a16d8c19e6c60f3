"""Score the intervals of a batch: python -m mlops.workloads.scoring.score CONFIG.json

Lives here: score_batch, the whole of a run, and the process.
Not here: each of its parts (input_rows, scorer, parquet_output), when a run begins (the plan, or schedule).
Law: one run of a batch at a time; an interval is in the ledger once its rows are safe, so that a run that was killed goes on
where it was, and no row stands twice.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from mlops.contracts.codec import decode
from mlops.contracts.intervals import DueRules, due_intervals
from mlops.contracts.scoring import IntervalRows, LedgerLine, ScoringConfig
from mlops.errors import MlopsError, Problem
from mlops.workloads.data.resources import MachineResources
from mlops.workloads.scoring.input_rows import OpenRows, open_rows
from mlops.workloads.scoring.output import IntervalOutput, WrittenInterval, bounded
from mlops.workloads.scoring.parquet_output import ParquetOutput
from mlops.workloads.scoring.scorer import BATCH, Scorer
from mlops.workloads.stage import failed, run_stage, say


def score_batch(config: ScoringConfig, root: Path) -> list[LedgerLine]:
    """Score what the configuration names or, where it names nothing, what is due; return the lines of the ledger. Raises
    MlopsError; what was scored until then stays."""
    resources = MachineResources.of()
    parent = root / ".mlops" / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    with (
        _alone(root / config.lock, config.batch),
        tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=parent) as folder,
    ):
        say("reading the rows", 0.0)
        with open_rows(config.input, root, Path(folder), resources) as rows:
            output = _output(config, root)
            intervals = _to_score(config, rows, output)
            return (
                _Run(config, root / config.model, rows, output).run(intervals, resources.threads) if intervals else []
            )


def _to_score(config: ScoringConfig, rows: OpenRows, output: IntervalOutput) -> Sequence[IntervalRows]:
    if config.intervals is None:
        rules = DueRules(config.input.interval, config.delay, config.since, config.restate, config.version)
        due = due_intervals(rows.intervals()[0], output.ledger(), rules=rules, now=time.time())
        return [IntervalRows(name=one.name, rows=one.rows, digest=one.digest) for one in due]
    return config.intervals


def _output(config: ScoringConfig, root: Path) -> IntervalOutput:
    if config.url is None or config.table is None:
        return ParquetOutput(root / str(config.folder))
    from mlops.workloads.scoring.table_output import TableOutput  # SQLAlchemy, which files do not need

    return TableOutput(config.url, config.table, root)


class _Run:
    """Scores intervals, some of them at the same time."""

    def __init__(self, config: ScoringConfig, model: Path, rows: OpenRows, output: IntervalOutput) -> None:
        self._config, self._model, self._rows, self._output = config, model, rows, output

    def run(self, intervals: Sequence[IntervalRows], threads: int) -> list[LedgerLine]:
        say("loading the model", 0.05)
        with closing(Scorer(self._model, threads=threads, keep=self._config.columns)) as scorer:
            schema = scorer.check(self._schema())
            self._output.prepare(schema)
            with ThreadPoolExecutor(self._config.concurrency) as pool:
                futures = [pool.submit(self._interval, one, scorer, schema) for one in intervals]
                try:
                    return self._collect(futures)
                finally:
                    for future in futures:
                        future.cancel()

    def _collect(self, futures: Sequence[Future[LedgerLine]]) -> list[LedgerLine]:
        """Return the lines of all intervals. One that fails stops no other; raises MlopsError with the problems of all."""
        lines: list[LedgerLine] = []
        problems: list[Problem] = []
        for done, future in enumerate(futures, 1):
            try:
                lines.append(future.result())
                self._report(lines[-1], done / len(futures))
            except MlopsError as error:
                problems += error.problems
        if problems:
            raise MlopsError(*problems)
        return lines

    def _schema(self) -> pa.Schema:
        return self._rows.connection.sql(f"SELECT * FROM {self._rows.table} LIMIT 0").to_arrow_table().schema  # noqa: S608

    def _interval(self, one: IntervalRows, scorer: Scorer, schema: pa.Schema) -> LedgerLine:
        started = time.monotonic()

        def line_of(written: WrittenInterval) -> LedgerLine:
            return LedgerLine(
                interval=one.name, at=_now(), rows=written.rows, rejected=written.rejected, digest=one.digest,
                version=self._config.version, package=self._config.package, seconds=round(time.monotonic() - started, 3),
                length=self._config.input.interval, md5=written.md5, size=written.size,
            )  # fmt: skip

        rows = bounded(scorer.score(self._rows.batches(one.name, BATCH)), one, self._config.max_rejected)
        return self._output.write(one, schema, rows, line_of)

    @staticmethod
    def _report(line: LedgerLine, share: float) -> None:
        aside = f", {line.rejected:,} set aside" if line.rejected else ""
        say(f"{line.interval}: {line.rows:,} rows{aside}", 0.1 + 0.9 * share)


@contextmanager
def _alone(lock: Path, batch: str) -> Iterator[None]:
    """Hold the lock of a batch, which ends with this process however that ends. Raises MlopsError where another holds it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise failed(
                "another run goes on",
                f"{batch} is being scored by another process on this machine. Wait until it has ended, then apply again.",
            ) from error
        yield


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def score_file(path: str) -> None:
    """Score as CONFIG.json says."""
    score_batch(decode(ScoringConfig, Path(path).read_bytes()), Path.cwd())


if __name__ == "__main__":
    run_stage(score_file)
