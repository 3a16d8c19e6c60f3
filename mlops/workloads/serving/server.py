"""Be one replica of one version.

Lives here: the process that `python -m mlops.workloads.serving.server CONFIG.json` runs.
Not here: answering (app), listening (listen), a container (pod).
Law: listens only once the golden request was answered right; ends with its parent.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from mlops.contracts.codec import ContractError, decode
from mlops.contracts.names import GRPC_SUFFIX
from mlops.contracts.server import ServerConfig
from mlops.workloads.parent_death import die_with_parent
from mlops.workloads.serving.app import Application, GoldenFailed
from mlops.workloads.serving.grpc_server import grpc_server_of
from mlops.workloads.serving.listen import listen
from mlops.workloads.serving.log import open_log
from mlops.workloads.serving.server_settings import MODEL


def main() -> None:
    die_with_parent()
    path = Path(sys.argv[1])
    try:
        config = decode(ServerConfig, path.read_bytes())
    except ContractError as error:
        sys.exit(f"Error: {path} does not fit: {error}.")
    log = open_log(config)
    try:
        folder = Path(config.bento) if config.bento else MODEL
        application = Application(folder, config.version, log, arrival=config.arrival)
    except GoldenFailed as error:
        sys.exit(f"Error: {error}")
    if config.uds is None:
        grpc = grpc_server_of(application, f"{config.host}:{config.grpc_port}")
        listen(application, log, grace=config.grace, drain=config.drain, grpc=grpc, host=config.host, port=config.port)
        return
    Path(config.uds).unlink(missing_ok=True)
    os.umask(0o177)
    grpc = grpc_server_of(application, f"unix:{config.uds}{GRPC_SUFFIX}")
    listen(application, log, grace=config.grace, drain=config.drain, grpc=grpc, uds=config.uds)


if __name__ == "__main__":
    main()
