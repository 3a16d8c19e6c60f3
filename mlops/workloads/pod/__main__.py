"""Be a training pod: python -m mlops.workloads.pod, in the folder of the files that it was given.

Lives here: main, its exit codes.
Not here: the work (work), the report's form (report).
Law: 1 says that a retry cannot mend it, and that alone; the report is written in any case.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn

from mlops.contracts.names import MISTAKE, TRY_AGAIN
from mlops.errors import Interrupted, MlopsError, ToolFailed
from mlops.workloads.pod.pod_settings import PodSettings, report_of
from mlops.workloads.pod.report import report_text
from mlops.workloads.pod.work import PodRun

_STOPPED = 128 + signal.SIGTERM


def main() -> int:
    """Run the pod's stages; return the exit code."""
    signal.signal(signal.SIGTERM, _stop)
    path = report_of(os.environ)
    work: PodRun | None = None
    try:
        pod = PodSettings.of(os.environ)
        work = PodRun(pod, Path.cwd())
        work.pull()
        work.run()
        if pod.is_first:
            path.write_text(report_text(work.entries()))
        return 0
    except MlopsError as error:
        return _failed(error, work, path)
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        return _failed(ToolFailed.of("pod failed", f"A mistake of the program, or of its image:\n{trace}"), work, path)


def _failed(error: MlopsError, work: PodRun | None, path: Path) -> int:
    """Report what went wrong. What was finished before is not lost: it is pushed and reported too."""
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(_STOPPED))
    for problem in error.problems:
        print(f"Error: {problem.summary}\n  {problem.detail}", file=sys.stderr, flush=True)
    path.write_text(report_text({}, error.problems))
    if isinstance(error, Interrupted):
        return _STOPPED
    if work is not None and work.done:
        try:
            work.push()
            path.write_text(report_text(work.entries(), error.problems))
        except MlopsError as another:
            print(f"Error: {another}", file=sys.stderr, flush=True)
    return TRY_AGAIN if isinstance(error, ToolFailed) else MISTAKE


def _stop(number: int, frame: object) -> NoReturn:
    raise Interrupted.of(
        "pod was stopped",
        "It was asked to end (SIGTERM) before its stages were finished: its node was taken away, its time was over, or "
        "somebody deleted it. See the events of the pod.",
    )


if __name__ == "__main__":
    sys.exit(main())
