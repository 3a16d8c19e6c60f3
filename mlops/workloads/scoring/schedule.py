"""Score what is due, again and again: python -m mlops.workloads.scoring.schedule CONFIG.json SCHEDULE

Lives here: the process that a stack on this machine keeps.
Not here: scoring (score, a process of its own each time), which moments there are (contracts.cron).
Law: it runs at its start too, so that what was missed while nothing ran is made up for; a run that fails is tried again at the
next moment.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from mlops.contracts.cron import next_moment
from mlops.workloads.parent_death import die_with_parent

_PAUSE = 1.0


def run_once(config: Path) -> int:
    """Score what is due now; return the exit status."""
    words = [sys.executable, "-P", "-m", "mlops.workloads.scoring.score", str(config)]
    return subprocess.run(words, cwd=Path.cwd(), env={**os.environ, "PYTHONUNBUFFERED": "1"}, check=False).returncode


def main() -> None:
    die_with_parent()
    config, text = Path(sys.argv[1]), sys.argv[2]
    while True:
        code = run_once(config)
        following = next_moment(text, datetime.now(UTC))
        word = "done" if code == 0 else f"failed with {code}"
        print(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S} {word}; next at {following:%Y-%m-%dT%H:%M}", flush=True)
        while datetime.now(UTC) < following:
            time.sleep(_PAUSE)


if __name__ == "__main__":
    main()
