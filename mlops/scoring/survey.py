"""Know which intervals the source of a batch holds.

Lives here: input_tables, and Surveys, which asks once and remembers.
Not here: reading the source (workloads.scoring.survey), which intervals are due (contracts.intervals).
Law: the answer for equal sources, SQL and intervals is read from a file; losing it costs time only.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.context.context import Context
from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.scoring import InputTables, IntervalsAnswer, IntervalsRequest
from mlops.errors import MlopsError, ToolFailed
from mlops.sources.dataset import dataset_name
from mlops.sources.source import scheme_of
from mlops.tools.process import run
from mlops.tools.scratch import scratch

_ASKING = "mlops.workloads.scoring.survey"
_PATIENCE = 3600.0


def input_tables(context: Context, address: Address, inputs: Mapping[str, Any]) -> InputTables:
    """Return the rows of a batch, pinned by their fingerprints. `inputs`: effective, durations in seconds. Raises MlopsError
    where a source is not there or cannot be reached."""
    resource = context.resources[address]
    tables = {"input": resource.inputs["input"], **resource.inputs.get("tables", {})}
    prints = {name: context.sources.of(str(address), name, source) for name, source in tables.items()}
    return InputTables(
        tables={name: dict(source) for name, source in tables.items()}, fingerprints=prints, sql=inputs["sql"],
        time=inputs["time"], interval=inputs["interval"],
    )  # fmt: skip


def rows_digest(context: Context, given: InputTables) -> str:
    """Return what the answer of a survey depends on. Data sets of the project count by what dvc.lock pins of them."""
    prepared = {}
    for name, source in given.tables.items():
        if scheme_of(source["uri"]) == "dataset":
            other = dataset_name(source["uri"])
            locked = context.lock.get(f"prepare@{other}")
            prepared[name] = locked.outs.get(f"data/{other}", "") if locked else ""
    return hashlib.sha256(f"{encode(given)}{sorted(prepared.items())}".encode()).hexdigest()


@dataclass
class Surveys:
    """The surveys that one command works with."""

    context: Context
    _known: dict[str, IntervalsAnswer] = field(default_factory=dict)

    def of(self, given: InputTables) -> IntervalsAnswer:
        """Return which intervals the rows fall into. Raises MlopsError where they cannot be read."""
        key = rows_digest(self.context, given)
        answer = self._known.get(key) or self._kept(key)
        if answer is None:
            answer = self._ask(given)
            if not answer.summary:
                self._keep(key, answer)
        self._known[key] = answer
        if answer.summary:
            raise MlopsError.of(answer.summary, answer.detail)
        return answer

    def _ask(self, given: InputTables) -> IntervalsAnswer:
        root = self.context.root
        with scratch(root / ".mlops" / "tmp") as folder:
            request, answer = folder / "request.json", folder / "answer.json"
            request.write_text(encode(IntervalsRequest(input=given)))
            try:
                run(
                    [sys.executable, "-P", "-m", _ASKING, str(request.absolute()), str(answer.absolute())], cwd=root,
                    timeout=_PATIENCE,
                )  # fmt: skip
                return decode(IntervalsAnswer, answer.read_bytes())
            except ToolFailed as error:
                raise ToolFailed.of("input cannot be read", error.problems[0].detail) from error

    def _path(self, key: str) -> Path:
        return self.context.paths.home / "cache" / "batches" / f"{key[:32]}.json"

    def _kept(self, key: str) -> IntervalsAnswer | None:
        try:
            return decode(IntervalsAnswer, self._path(key).read_bytes())
        except (OSError, ContractError):
            return None

    def _keep(self, key: str, answer: IntervalsAnswer) -> None:
        """Write down what was found; a failure costs only time."""
        with suppress(OSError):
            path = self._path(key)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".part")
            temporary.write_text(encode(answer))
            temporary.replace(path)
