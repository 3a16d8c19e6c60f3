"""Be one replica of one version.

Lives here: the process that `python -m mlops.workloads.serving.server CONFIG.json` runs.
Not here: answering (app), listening (listen), a container (pod).
Law: listens only once the golden request was answered right; ends with its parent.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from mlops.workloads.parent_death import die_with_parent
from mlops.workloads.serving.app import Application, GoldenFailed
from mlops.workloads.serving.listen import listen
from mlops.workloads.serving.log import PredictionLog


def main() -> None:
    die_with_parent()
    config: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text())
    told = config["log"]
    log = None
    if told:
        log = PredictionLog(
            Path(told["dir"]), config["version"], sample=told["sample"], flush=told["flush"], keep=told["keep"]
        )
    try:
        application = Application(Path(config["bento"]), config["version"], log)
    except GoldenFailed as error:
        sys.exit(f"Error: {error}")
    uds = config["uds"]
    Path(uds).unlink(missing_ok=True)
    os.umask(0o177)
    listen(application, log, grace=config.get("grace", 10), uds=uds)


if __name__ == "__main__":
    main()
