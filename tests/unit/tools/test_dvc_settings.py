"""DVC's settings, as they are read here and given to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.tools.dvc.remote import remote_of
from mlops.tools.dvc.settings import DvcSettings

SHARED = """\
[core]
    remote = store
    no_scm = false
[cache]
    type = symlink
    dir = ../elsewhere
['remote "store"']
    url = {url}
    endpointurl = http://minio:9000/%2F
"""
LOCAL = """\
['remote "store"']
    access_key_id = me
    secret_access_key = a%secret
"""


def project(root: Path, url: str, local: str = "") -> Path:
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc" / "config").write_text(SHARED.format(url=url))
    if local:
        (root / ".dvc" / "config.local").write_text(local)
    return root


@pytest.mark.parametrize("url", ["../../store", "s3://bucket/path"])
def test_folder_becomes_absolute_and_an_address_stays(tmp_path: Path, url: str) -> None:
    settings = DvcSettings.of(project(tmp_path / "project", url))
    expected = url if "://" in url else str(tmp_path / "store")
    assert settings.remote == expected
    assert f"url = {expected}\n" in settings.texts()["config"]


def test_the_cache_of_this_machine_is_named_only_where_asked(tmp_path: Path) -> None:
    settings = DvcSettings.of(project(tmp_path / "project", "s3://bucket"))
    assert settings.cache == tmp_path / "project" / "elsewhere"
    assert "[cache]" not in settings.texts()["config"]
    assert f"dir = {settings.cache}\n" in settings.texts(cache=True)["config"]


def test_local_settings_stay_in_a_text_of_their_own(tmp_path: Path) -> None:
    texts = DvcSettings.of(project(tmp_path / "project", "s3://bucket", LOCAL)).texts()
    assert "secret" not in texts["config"]
    assert "secret_access_key = a%secret" in texts["config.local"]


def test_git_and_telemetry_are_off_in_copied_settings(tmp_path: Path) -> None:
    config = DvcSettings.of(project(tmp_path / "project", "s3://bucket")).texts()["config"]
    assert "no_scm = true" in config
    assert "no_scm = false" not in config
    assert "analytics = false" in config


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SHARED.format(url="/store"), True),
        ("['remote \"store\"']\n    url = /store\n", False),
        ("[core]\n    remote = other\n['remote \"store\"']\n    url = /store\n", False),
        ("[core\n", False),
        ("", False),
    ],
)
def test_only_the_default_remote_counts(tmp_path: Path, text: str, expected: bool) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(text)
    assert (remote_of(tmp_path) is not None) is expected
