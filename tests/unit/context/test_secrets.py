"""Secrets in files, and what may be stored of one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops.context.secrets import key_reference, matches
from mlops.errors import InvalidConfig
from mlops.secret_values import read_secret


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "my secrets"
    made.mkdir(mode=0o700)
    (made / "KEY").write_text("a value\n")
    (made / "KEY").chmod(0o600)
    return made


def test_private_file_is_read_and_a_missing_one_is_none(folder: Path) -> None:
    assert read_secret(folder, "KEY") == "a value"
    assert read_secret(folder, "OTHER") is None
    (folder / "KEY").chmod(0o400)
    assert read_secret(folder, "KEY") == "a value"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660, 0o610])
def test_file_that_others_can_reach_is_refused_with_the_command_that_closes_it(folder: Path, mode: int) -> None:
    (folder / "KEY").chmod(mode)
    with pytest.raises(InvalidConfig, match=f"has mode {mode:04o}") as caught:
        read_secret(folder, "KEY")
    assert f"chmod 600 '{folder / 'KEY'}'" in caught.value.problems[0].detail
    assert "a value" not in str(caught.value)


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o711, 0o707])
def test_folder_that_others_can_reach_is_refused_with_the_command_that_closes_it(folder: Path, mode: int) -> None:
    folder.chmod(mode)
    with pytest.raises(InvalidConfig, match=f"has mode {mode:04o}") as caught:
        read_secret(folder, "KEY")
    assert f"chmod 700 '{folder}'" in caught.value.problems[0].detail


def test_environment_variable_wins_over_a_file_that_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "KEY").chmod(0o644)
    monkeypatch.setenv("KEY", "of the environment")
    assert read_secret(folder, "KEY") == "of the environment"


def test_file_that_is_no_text_is_named(folder: Path) -> None:
    (folder / "KEY").write_bytes(b"\xff\xfe")
    with pytest.raises(InvalidConfig, match="is not UTF-8 text"):
        read_secret(folder, "KEY")


def test_reference_to_a_key_tells_a_rotation_and_holds_no_value() -> None:
    first = key_reference("KEY", "a value", {})
    assert matches("a value", first)
    assert not matches("another", first)
    assert "a value" not in json.dumps(first)
    assert key_reference("KEY", "a value", first) == first
    assert key_reference("KEY", "another", first)["digest"] != first["digest"]
    assert key_reference("KEY", "a value", {})["digest"] != first["digest"], "each endpoint has a salt of its own"
