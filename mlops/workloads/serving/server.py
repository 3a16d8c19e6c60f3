"""Be one replica of one version.

Lives here: the process that `python -m mlops.workloads.serving.server CONFIG.json` runs.
Not here: answering (app).
Law: listens only once the golden request was answered right; ends with its parent.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import uvicorn

from mlops.workloads.lifeline import die_with_parent
from mlops.workloads.serving.app import Application, GoldenFailed
from mlops.workloads.serving.log import PredictionLog

KEEP_ALIVE = 75
"""Seconds an idle connection is kept; the gateway gives one up earlier."""


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
    server = uvicorn.Server(
        uvicorn.Config(
            application, uds=uds, http="httptools", loop="uvloop", lifespan="off", log_level="warning", access_log=False,
            server_header=False, date_header=False, timeout_keep_alive=KEEP_ALIVE, backlog=2048,
            timeout_graceful_shutdown=config.get("grace", 10),
        )
    )  # fmt: skip
    # uvicorn raises the signal that ended it once more; the log must be closed first.
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGINT, lambda *_: None)
    print(f"{config['version']}: golden request answered, ready", flush=True)
    try:
        server.run()
    finally:
        if log is not None:
            log.close()


if __name__ == "__main__":
    main()
