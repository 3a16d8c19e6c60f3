"""Make versions that are bad on purpose, and roll them out.

Lives here: BAD, the changes to a version's own application; Rehearsal, which builds such a version and applies it under load; Ended.
Not here: the table (live_rollouts), simulated versions (simulated_rollout).
Law: what runs is the real chain; a bad version differs from a good one by the lines of its Defect and nothing else.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.conftest import Workplace
from tests.e2e.load import Load

_READS = "            read = self._unjudged if is_probe else self._reader.read_judged"
_ANSWERS = "            plain = answer = self._writer.write(predictions, outside)\n"
_INDENT = " " * 12
_drawn = random.Random(11)
ROWS = tuple(
    {"number": round(_drawn.gauss(0, 1), 4), "color": ("red", "green", "blue")[number % 3]} for number in range(3000)
)
"""What clients ask: a third of it is of the segment that one of the versions gets wrong."""
SEGMENT = 1 / 3


@dataclass(frozen=True)
class Defect:
    """`line`: what the application does before it reads a request, or, where `is_answer`, how it makes `scores` of a model's.
    `hurts`: the share of the 200s of such a version that hurt a client. `guard`: seconds that it is watched after its rollout."""

    line: str
    is_answer: bool = False
    hurts: float = 0.0
    guard: int = 0

    def put_into(self, code: Path) -> None:
        """Change the application of a bento. Raises ValueError where its code has other lines than this module knows."""
        text = code.read_text()
        scores = f"{_INDENT}scores = predictions\n{_INDENT}predictions = {self.line}\n"
        before, after = (
            (_ANSWERS, scores + _ANSWERS) if self.is_answer
            else (_READS, f"{_INDENT}{self.line}\n{_READS}")
        )  # fmt: skip
        if text.count(before) != 1:
            raise ValueError(f"{code} does not have this line once: {before}")
        code.write_text(text.replace(before, after) + "\nimport random\n\n_BORN = time.perf_counter()\n")


BAD = {
    "422 to everything": Defect("raise BadRows([])"),
    "always 0.99": Defect("[0.99 for _ in scores]", is_answer=True, hurts=1.0),
    "20 ms slower": Defect("await asyncio.sleep(0.02)", hurts=1.0),
    "5% hang": Defect("await asyncio.sleep(3600 if random.random() < 0.05 else 0)"),
    "5% errors": Defect("if random.random() < 0.05: raise RuntimeError"),
    "wrong on one segment": Defect(
        "[1 - score if 'red' in row else score for score, row in zip(scores, rows)]", is_answer=True, hurts=SEGMENT
    ),
    "errors from 25 s after its start": Defect("if time.perf_counter() - _BORN > 25: raise RuntimeError", guard=60),
}


@dataclass(frozen=True)
class Ended:
    """`evidence`: why the version was taken back, by the rollout or by its guard; None where it is live. `hurt`: clients who got
    no answer or a bad one."""

    evidence: str | None
    hurt: int
    seconds: float
    answers: dict[str, int]


@dataclass
class Rehearsal:
    """A project that is applied, whose endpoint `late` gets `rate` requests a second. `policy`: words of its rollout."""

    place: Workplace
    policy: Sequence[str] = ("steps=[10%,50%,100%]", "pause=8s", "drain=1s")
    rate: float = 100.0
    clients: int = 24
    _number: int = field(default=500, init=False)

    def roll(self, defect: Defect | None) -> Ended:
        """Build a version, roll it out under load, watch it as long as its guard does, and go back to what was live."""
        self._number += 1
        change = [f"package.late.api.max_rows={self._number}"]
        before = self._live()
        self.place.mlops("apply", "--yes", "--target", "package.late", *change)
        record = json.loads(self.place.mlops("show", "package.late", "--format", "json").stdout)[0]
        code = Path(record["outputs"]["bento"]).parent / "mlops/workloads/serving/app.py"
        if defect is not None:
            defect.put_into(code)
        words = [*change, *(f"endpoint.late.rollout.{word}" for word in self.policy)]
        words += (
            [f"endpoint.late.rollout.guard={{for: {defect.guard}s, window: 10s}}"] if defect and defect.guard else []
        )
        started = time.monotonic()
        with Load(self.place.status()["endpoint.late"]["url"], ROWS, rate=self.rate, clients=self.clients) as load:
            done = self.place.mlops("apply", "--yes", *words, code=None)
            evidence = None if done.returncode == 0 else done.stderr
            if done.returncode == 0 and defect is not None and defect.guard:
                evidence = self._guarded(before, words, time.monotonic() + 2 * defect.guard)
        seconds = time.monotonic() - started
        bad = sum(count for version, count in load.versions.items() if version not in (before, "?"))
        bad -= load.answers["422"] + load.answers["500"]
        hurt = sum(load.failed.values()) + (round(defect.hurts * max(0, bad)) if defect else 0)
        self._forget(code, before)
        return Ended(evidence, hurt, seconds, dict(load.answers))

    def _guarded(self, before: str, words: Sequence[str], until: float) -> str | None:
        """Return why the guard took traffic back; None where it did not in time."""
        while time.monotonic() < until:
            if self._live() == before:
                return self.place.mlops("plan", *words).stdout
            time.sleep(1.0)
        return None

    def _live(self) -> str:
        return str(self.place.status()["endpoint.late"]["text"].split()[0])

    def _forget(self, code: Path, before: str) -> None:
        """Take a bad version's bento away, and go back to what was live before it."""
        if self._live() != before:
            self.place.mlops("rollback", "endpoint.late", "--now", "--yes")
        shutil.rmtree(code.parents[4])
        self.place.mlops("apply", "--yes")
