"""A shell in a project of one value: words in, exit code and text out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlops.cli.main import main
from tests.small_project import VALUES, share_cache, write_files


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str


Shell = Callable[..., Ended]


def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    """Return what runs words in the folder that this process is in."""

    def run(*words: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        written = capsys.readouterr()
        return Ended(int(ended.value.code or 0), written.out, written.err)

    return run


@pytest.fixture
def project(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    share_cache(tmp_path, cache)
    monkeypatch.chdir(write_files(tmp_path, VALUES))
    return tmp_path


@pytest.fixture
def mlops(project: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return shell(capsys)


@pytest.fixture
def applied(mlops: Shell) -> Shell:
    assert mlops("apply", "--yes").code == 0
    return mlops
