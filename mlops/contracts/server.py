"""Say how one process serves one version.

Lives here: ServerConfig, in its two spellings: a JSON file on this machine, environment variables in a container.
Not here: answering (workloads.serving), the pods of a version (serving_pods).
Law: a value that does not fit ends the process with a sentence; nothing is guessed. A bento ships this file, so that an
older bento reads what a newer mlops writes: a new field has a default, which is not written.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from mlops.contracts.codec import Contract, Document, variable
from mlops.contracts.names import GRPC_PORT, PORT

WEEK = 604800.0


class LogConfig(Contract, kw_only=True, frozen=True):
    """The prediction log of a serving process; null, or a container without MLOPS_LOG_DIR, keeps none."""

    dir: Annotated[str, variable("MLOPS_LOG_DIR", "Folder of the prediction log.")]
    sample: Annotated[float, variable("MLOPS_LOG_SAMPLE", "Share of the requests kept.", ge=0, le=1)] = 1.0
    flush: Annotated[float, variable("MLOPS_LOG_FLUSH", "Seconds between writes.", ge=0.001)] = 1.0
    keep: Annotated[float, variable("MLOPS_LOG_KEEP", "Seconds that a segment is kept.", ge=0)] = WEEK


class ServerConfig(Document, kw_only=True, frozen=True, omit_defaults=True):
    """One process that answers.

    On this machine `python -m mlops.workloads.serving.server CONFIG.json` runs with the bento's `src/` first on the path and
    ends with its parent; CONFIG.json holds the fields. In a container `python3 -m mlops.workloads.serving.pod` reads the
    environment variables, where an empty one counts as unset; the model lies beside the code.
    """

    version: Annotated[
        str,
        variable(
            "MLOPS_VERSION",
            "It names the version that answers, such as v3: visible ASCII without blanks, slashes and quotes.",
            pattern=r"^[!#-.0-\[\]-~]+$",
        ),
    ]
    bento: Annotated[
        str | None,
        Meta(description="Folder of model.onnx, contract.json, golden.json and api.json; null: beside the code."),
    ] = None
    uds: Annotated[str | None, Meta(description="The Unix socket to listen on; null for host and port.")] = None
    host: Annotated[str, variable("MLOPS_HOST", "The address to listen on.")] = "0.0.0.0"  # noqa: S104  a container's own
    port: Annotated[int, variable("MLOPS_PORT", "The port to listen on.", ge=1, le=65535)] = PORT
    grpc_port: Annotated[
        int,
        variable(
            "MLOPS_GRPC_PORT",
            "The port for gRPC, where the package says `api: {grpc: true}`; with `uds`, its path with `.grpc` behind it.",
            ge=1,
            le=65535,
        ),
    ] = GRPC_PORT
    key_file: Annotated[
        str | None,
        variable(
            "MLOPS_API_KEY_FILE",
            "A file with the key that the header `x-api-key` must hold, read again when it changes; health, readiness and "
            "metrics need none. null: everybody may ask.",
        ),
    ] = None
    log: Annotated[LogConfig | None, Meta(description="The prediction log; always written.")]
    log_size: Annotated[
        int | None,
        variable("MLOPS_LOG_SIZE", "Bytes of the log, beyond which its oldest segments are deleted; null: 10 GiB."),
    ] = None
    log_body: Annotated[
        int | None,
        variable("MLOPS_LOG_BODY", "Bytes of a request, beyond which only its beginning is kept; null: 1 MiB."),
    ] = None
    arrival: Annotated[
        float, variable("MLOPS_ARRIVAL", "Seconds that the body of a request may take to arrive.", ge=0.1)
    ] = 30.0
    drain: Annotated[
        float,
        variable(
            "MLOPS_DRAIN",
            "Seconds that it goes on answering after SIGTERM, while `/readyz` says 503 and answers close their connections; "
            "a second signal ends that.",
            ge=0,
        ),
    ] = 0.0
    grace: Annotated[float, variable("MLOPS_GRACE", "Seconds that requests under way may take after that.")] = 10.0
