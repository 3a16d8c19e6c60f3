"""The requests that README prints are answered as printed."""

from __future__ import annotations

import json
import re

from tests.e2e.conftest import KEY, ROOT, Workplace


def test_requests_of_readme_are_answered(flights: Workplace) -> None:
    secrets = flights.root / ".mlops" / "secrets"
    secrets.mkdir(mode=0o700, exist_ok=True)
    (secrets / "DELAY_API_KEY").touch(mode=0o600)
    (secrets / "DELAY_API_KEY").write_text(KEY + "\n")
    url = flights.status()["endpoint.delay"]["url"]
    printed = re.findall(r"^curl (?:.*\\\n)*.*$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(printed) == 2
    answers = []
    for command in printed:
        assert "http://127.0.0.1:8080/delay" in command
        done = flights.run("sh", "-c", command.replace("http://127.0.0.1:8080/delay", url))
        answers.append(json.loads(done.stdout))
    prediction, documentation = answers
    assert len(prediction["predictions"]) == 1, prediction
    assert "/predict" in documentation["paths"]
