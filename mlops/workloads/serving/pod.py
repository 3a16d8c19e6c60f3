"""Be one replica of one version, in a container.

Lives here: the process that `python3 -m mlops.workloads.serving.pod` runs, configured by environment variables alone.
Not here: answering (app), listening (listen), whether it is ready (probe).
Law: listens only once the golden request was answered right; writes nowhere but into the log's folder.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mlops.contracts.server import ServerConfig
from mlops.workloads.serving.app import Application, GoldenFailed
from mlops.workloads.serving.auth_middleware import KeyRequired
from mlops.workloads.serving.grpc_server import grpc_server_of
from mlops.workloads.serving.listen import listen
from mlops.workloads.serving.log import PredictionLog, open_log
from mlops.workloads.serving.server_settings import MODEL, KeyFile, Misconfigured, read_server_config


def main() -> None:
    try:
        config = read_server_config(os.environ)
        key = KeyFile(Path(config.key_file)) if config.key_file else None
        log = _log(config)
        application = Application(MODEL, config.version, log, arrival=config.arrival)
    except (GoldenFailed, Misconfigured) as error:
        sys.exit(f"Error: {error}")
    through = KeyRequired(application, key) if key else None
    grpc = grpc_server_of(application, f"{config.host}:{config.grpc_port}", key)
    listen(
        application, log, grace=config.grace, drain=config.drain, through=through, grpc=grpc, host=config.host,
        port=config.port,
    )  # fmt: skip


def _log(config: ServerConfig) -> PredictionLog | None:
    try:
        return open_log(config)
    except OSError as error:
        raise Misconfigured(
            f"MLOPS_LOG_DIR names {config.log.dir if config.log else ''}, which cannot be written: {error.strerror}. Mount a volume there that user "
            f"{os.getuid()} may write, or leave the variable out to keep no log."
        ) from error


if __name__ == "__main__":
    main()
