"""Find out which intervals a source holds, in a process of its own: python -m mlops.workloads.scoring.survey REQUEST ANSWER

Lives here: survey_input, and the process.
Not here: opening the rows (input_rows), which intervals are due (contracts.intervals).
Law: an answer depends on the rows alone; no secret is in it.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from mlops.contracts.codec import decode, encode
from mlops.contracts.scoring import InputTables, IntervalsAnswer, IntervalsRequest
from mlops.errors import MlopsError
from mlops.workloads.data.resources import MachineResources
from mlops.workloads.parent_death import die_with_parent
from mlops.workloads.scoring.input_rows import open_rows


def survey_input(given: InputTables, root: Path) -> IntervalsAnswer:
    """Return the intervals that the rows fall into, or why they cannot be read."""
    parent = root / ".mlops" / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix=f"{os.getpid()}-", dir=parent) as folder,
            open_rows(given, root, Path(folder), MachineResources.of()) as rows,
        ):
            intervals, undated = rows.intervals()
            return IntervalsAnswer(intervals=tuple(intervals), undated=undated, columns=rows.columns)
    except MlopsError as error:
        problem = error.problems[0]
        return IntervalsAnswer(summary=problem.summary, detail=problem.detail)


def main() -> None:
    die_with_parent()
    request = decode(IntervalsRequest, Path(sys.argv[1]).read_bytes())
    Path(sys.argv[2]).write_text(encode(survey_input(request.input, Path.cwd())))


if __name__ == "__main__":
    main()
