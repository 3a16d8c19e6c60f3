"""Several endpoints that roll out in one apply."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mlops.address import Address
from tests.fault.fake_project import Chain, declare
from tests.fault.test_rollback import FILES, apply, records

NAMES = [f"late-{number}" for number in range(5)]


def test_five_endpoints_take_their_steps_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step of each waits for the same step of all others, which endpoints one after the other never would."""
    chain = Chain(tmp_path, monkeypatch)
    files = {name: said for name, said in FILES.items() if name != "endpoint/late"}
    files |= {f"endpoint/{name}": FILES["endpoint/late"] for name in NAMES}
    declare(chain.root, files)
    apply(chain)
    together = threading.Barrier(len(NAMES))
    monkeypatch.setattr("mlops.rollout.watch.sleep", lambda seconds: together.wait(60))
    declare(chain.root, {**files, "model/late": {**files["model/late"], "trainer": {"max_epochs": 5}}})
    apply(chain)
    assert [records(chain)[Address("endpoint", name)].outputs["version"] for name in NAMES] == ["v2"] * 5
    assert chain.plan() == []
