"""Ten applies at once, as ten people or ten CI jobs would start them: one proceeds, nine are told who does."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import BIN, Workplace
from tests.plugins import SLOW, install
from tests.postgres import fresh_database

TEN = 10


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workplace:
    root = tmp_path / "project"
    (root / "conf" / "slow").mkdir(parents=True)
    (root / "conf" / "env").mkdir()
    (root / "conf" / "project.yaml").write_text("name: ten\n")
    (root / "conf" / "slow" / "one.yaml").write_text("size: 1\n")
    if request.param == "postgresql":
        url = fresh_database(request.getfixturevalue("postgres"))
        (root / "conf" / "env" / "dev.yaml").write_text(f"state: {{ url: '{url}' }}\n")
    monkeypatch.setenv("PYTHONPATH", str(install(tmp_path / "site", "slow", "acme_slow", SLOW)))
    return Workplace(root)


def test_one_of_ten_proceeds_and_nine_are_told_who_does(place: Workplace) -> None:
    started = [
        subprocess.Popen(
            [BIN / "mlops", "apply", "--yes", "--lock-timeout", "1s"], cwd=place.root, env=place.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )
        for _ in range(TEN)
    ]  # fmt: skip
    try:
        end = time.monotonic() + 120
        while sum(process.poll() is not None for process in started) < TEN - 1 and time.monotonic() < end:
            time.sleep(0.1)
        refused = [process for process in started if process.poll() is not None]
        assert [process.returncode for process in refused] == [5] * (TEN - 1)
        (proceeds,) = (process for process in started if process.poll() is None)
        for process in refused:
            assert process.stderr
            told = " ".join(process.stderr.read().split())
            assert f"(process {proceeds.pid}, since" in told
            assert "mlops apply --yes" in told
        (place.root / "go").touch()
        assert proceeds.wait(60) == 0
    finally:
        (place.root / "go").touch()
        for process in started:
            process.kill()
            process.communicate()
    assert list(place.status()) == ["slow.one"]
    assert [operation["outcome"] for operation in _history(place)] == ["done"]


def _history(place: Workplace) -> list[dict[str, str]]:
    import json

    told: list[dict[str, str]] = json.loads(place.mlops("history", "--json").stdout)
    return told
