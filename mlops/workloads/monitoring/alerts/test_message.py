"""Send a test message to routes: python -m mlops.workloads.monitoring.alerts.test_message CONFIG ANSWER

Lives here: the process.
Not here: sending (sending).
Law: every route is tried; what each says is written down.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from mlops.contracts.alerts import AlertConfig, RouteAnswer
from mlops.contracts.codec import decode
from mlops.workloads.monitoring.alerts.sending import send
from mlops.workloads.parent_death import die_with_parent


def main() -> None:
    die_with_parent()
    config = decode(AlertConfig, Path(sys.argv[1]).read_bytes())
    title = f"[test] {config.environment}: a test message of mlops"
    body = "Nothing was found. This only shows that messages arrive."
    answers = [
        RouteAnswer(
            route=route.name, error=send(route, Path(config.secrets), severity=route.severity, title=title, body=body)
        )
        for route in config.routes
    ]
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(answers))


if __name__ == "__main__":
    main()
