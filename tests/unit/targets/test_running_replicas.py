"""What counts as a running replica: what the supervisor keeps, and what answers before the supervisor says so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from mlops.targets.local.versions import Versions
from mlops.tools.supervisor import ProcessState


@pytest.mark.parametrize(
    ("second", "answers", "count"),
    [("RUNNING", False, 2), ("STARTING", True, 2), ("STARTING", False, 1), ("BACKOFF", True, 1), ("FATAL", True, 1)],
)
def test_replica_that_answers_counts_before_the_supervisor_says_so(
    second: str, answers: bool, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = {"late-v1-0": ProcessState("RUNNING", 1), "late-v1-1": ProcessState(second, 2),
              "late-v1-v2-0": ProcessState("RUNNING", 3), "gateway": ProcessState("RUNNING", 4)}  # fmt: skip
    host: Any = SimpleNamespace(states=lambda: states)
    monkeypatch.setattr(Versions, "is_ready", lambda self, version, index: answers)
    assert Versions(host, "late").running("v1") == count
