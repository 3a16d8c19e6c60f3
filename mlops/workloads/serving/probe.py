"""Say whether the server in this container is ready: python3 -m mlops.workloads.serving.probe.

Lives here: the readiness probe: `/readyz`, then the golden request, asked as a client would.
Not here: answering.
Law: exits 0 or 1 with one sentence; what it asks is neither logged nor counted.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
from pathlib import Path
from typing import Any

from mlops.contracts.names import KEY_HEADER, PROBE_HEADER
from mlops.contracts.server import ServerConfig
from mlops.workloads.serving.answer import read_predictions
from mlops.workloads.serving.server_settings import MODEL, KeyFile, Misconfigured, read_server_config

TIMEOUT = 2.0
"""Seconds for each of two questions; a platform gives the probe 5 for both."""


class NotReady(Exception):
    """The server does not answer as it should; the message says how."""


def main() -> None:
    try:
        config = read_server_config(os.environ)
        print(check(config, KeyFile(Path(config.key_file)).value() if config.key_file else None, MODEL))
    except (NotReady, Misconfigured) as error:
        sys.exit(f"not ready: {error}")


def check(config: ServerConfig, key: bytes | None, model: Path) -> str:
    """Return one sentence that says that the server is ready. Raises NotReady."""
    status, body = _ask(config, "GET", "/readyz")
    if status != 200:
        raise NotReady(f"/readyz answered {status}: {_text(body)}")
    golden = json.loads((model / "golden.json").read_text())
    contract = json.loads((model / "contract.json").read_text())
    headers = {PROBE_HEADER: "golden", "content-type": "application/json"} | ({KEY_HEADER: key} if key else {})
    status, body = _ask(config, "POST", "/predict", json.dumps({"rows": golden["rows"]}).encode(), headers)
    if status != 200:
        raise NotReady(f"the golden request got {status}: {_text(body)}")
    worst = worst_of(read_predictions(json.loads(body), contract), golden["predictions"])
    if not worst <= golden["tolerance"]:
        raise NotReady(
            f"the golden request was answered {worst:.3g} away from what the model predicted when it was made; "
            f"{golden['tolerance']:g} is allowed"
        )
    return f"ready: {config.version} answered {len(golden['rows'])} golden rows, {worst:.1g} away at most"


def worst_of(got: list[Any], expected: list[Any]) -> float:
    """Return the largest difference, of numbers or of lists of them, as a share of what is expected where that is beyond 1;
    infinite where the shapes differ or one is no number."""
    if len(got) != len(expected):
        return float("inf")
    worst = 0.0
    for one, other in zip(got, expected, strict=True):
        if isinstance(one, list) and isinstance(other, list):
            difference = worst_of(one, other)
        elif isinstance(one, int | float) and isinstance(other, int | float):
            difference = abs(one - other) / max(1.0, abs(other))
        else:
            return float("inf")
        if not difference <= worst:  # not a number is never smaller
            worst = difference if difference == difference else float("inf")
    return worst


def _ask(
    config: ServerConfig, method: str, path: str, body: bytes | None = None, headers: dict[str, Any] | None = None
) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", config.port, timeout=TIMEOUT)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise NotReady(f"port {config.port} gave no answer: {error or type(error).__name__}") from error
    finally:
        connection.close()


def _text(body: bytes) -> str:
    return body[:300].decode(errors="replace")


if __name__ == "__main__":
    main()
