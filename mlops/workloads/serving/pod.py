"""Be one replica of one version, in a container.

Lives here: the process that `python3 -m mlops.workloads.serving.pod` runs; told by environment variables alone.
Not here: answering (app), listening (listen), whether it is ready (ready).
Law: listens only once the golden request was answered right; writes nowhere but into the log's folder.
"""

from __future__ import annotations

import os
import sys

from mlops.workloads.serving.app import Application, GoldenFailed
from mlops.workloads.serving.auth_middleware import KeyRequired
from mlops.workloads.serving.listen import listen
from mlops.workloads.serving.log import PredictionLog
from mlops.workloads.serving.server_settings import MODEL, KeyFile, Misconfigured, ServerSettings, read_server_settings


def main() -> None:
    try:
        told = read_server_settings(os.environ)
        key = KeyFile(told.key_file) if told.key_file else None
        log = _log(told)
        application = Application(MODEL, told.version, log)
    except (GoldenFailed, Misconfigured) as error:
        sys.exit(f"Error: {error}")
    through = KeyRequired(application, key) if key else None
    listen(
        application, log, grace=told.grace, drain=told.drain, through=through, host=told.host, port=told.port
    )  # fmt: skip


def _log(told: ServerSettings) -> PredictionLog | None:
    if told.log is None:
        return None
    try:
        return PredictionLog(told.log, told.version, sample=told.sample, flush=told.flush, keep=told.keep)
    except OSError as error:
        raise Misconfigured(
            f"MLOPS_LOG_DIR names {told.log}, which cannot be written: {error.strerror}. Mount a volume there that user "
            f"{os.getuid()} may write, or leave the variable out to keep no log."
        ) from error


if __name__ == "__main__":
    main()
