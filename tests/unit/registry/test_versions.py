"""The versions of a model: of git, of the working tree and of the state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops.address import Address
from mlops.config.project import ProjectSettings
from mlops.context.context import Context
from mlops.engine.resource import Record
from mlops.engine.state import Version
from mlops.errors import MlopsError
from mlops.registry.committed import locked_stages
from mlops.registry.versions import ModelVersion, chosen_version, model_versions
from tests.small_project import write_files
from tests.version_repository import VersionRepository, lock_text, metrics_text

FIRST, SECOND, THIRD = "aaaa1111.dir", "bbbb2222.dir", "cccc3333.dir"


@pytest.fixture
def repository(tmp_path: Path) -> VersionRepository:
    made = VersionRepository(tmp_path)
    made.version(FIRST, auc=0.9)
    made.tag("late#champion#1")
    made.version(SECOND, auc=0.95, data="d2")
    return made


def listed(root: Path, *recorded: Version) -> list[ModelVersion]:
    return model_versions(Context(root, ProjectSettings("small", "dev")), "late", recorded)


def of_state(serial: int, outputs: Mapping[str, Any], at: str = "2026-02-01T00:00:00+00:00") -> Version:
    record = Record(
        Address("model", "late"), {"dataset": "rows", "task": "binary"}, outputs, {"dataset.rows:digest": "d9"}
    )
    return Version(serial, at, "operation", record)


def test_versions_come_newest_first_with_data_metrics_and_names(repository: VersionRepository) -> None:
    second, first = listed(repository.root)
    assert (second.digest, second.version.data, second.version.metrics["test_auc"]) == (SECOND, "d2", 0.95)
    assert (second.is_present, second.names, second.who, second.summary) == (True, (), "Ann", f"Train {SECOND}")
    assert (first.digest, first.is_present, first.names) == (FIRST, False, ("champion",))
    assert first.version.metrics["intervals"] == {"test_auc": [0.89, 0.91]}


def test_version_that_comes_back_is_one_version_of_its_first_commit(repository: VersionRepository) -> None:
    repository.version(FIRST, auc=0.91)
    first = next(one for one in listed(repository.root) if one.digest == FIRST)
    assert first.commit == repository.git("rev-parse", "HEAD~2")
    assert first.kept_in == repository.git("rev-parse", "HEAD")
    assert first.version.metrics["test_auc"] == 0.91


def test_version_of_a_branch_is_listed_once_a_tag_names_it(repository: VersionRepository) -> None:
    repository.git("checkout", "-q", "-b", "other")
    repository.version(THIRD)
    repository.git("checkout", "-q", "main")
    assert {one.digest for one in listed(repository.root)} == {FIRST, SECOND}
    repository.tag("late#challenger#2", "other")
    assert {one.digest: one.names for one in listed(repository.root)}[THIRD] == ("challenger",)


def test_version_of_the_working_tree_is_listed_before_it_is_committed(repository: VersionRepository) -> None:
    measured = metrics_text(0.97, low=0.96, high=0.98)
    write_files(repository.root, {"dvc.lock": lock_text(THIRD), "metrics/model/late.json": measured})
    found = next(one for one in listed(repository.root) if one.digest == THIRD)
    assert (found.commit, found.is_present, found.version.metrics["test_auc"]) == (None, True, 0.97)


def test_version_that_only_the_state_knows_is_listed(repository: VersionRepository) -> None:
    recorded = of_state(7, {"digest": THIRD, "metrics": {"test_auc": 0.8}})
    found = next(
        one for one in listed(repository.root, recorded, of_state(9, {"digest": FIRST})) if one.digest == THIRD
    )
    assert (found.commit, found.serial, found.version.data, found.version.metrics) == (None, 7, "d9", {"test_auc": 0.8})
    assert (
        next(one for one in listed(repository.root, of_state(9, {"digest": FIRST})) if one.digest == FIRST).serial == 9
    )


def test_folder_without_git_lists_what_the_state_knows(tmp_path: Path) -> None:
    assert [one.digest for one in listed(tmp_path, of_state(1, {"digest": FIRST}))] == [FIRST]


def test_what_was_read_once_is_not_parsed_again(repository: VersionRepository, monkeypatch: pytest.MonkeyPatch) -> None:
    before, parsed = listed(repository.root), []

    def counting(text: str) -> Any:
        parsed.append(text)
        return locked_stages(text)

    monkeypatch.setattr("mlops.registry.versions.locked_stages", counting)
    assert listed(repository.root) == before
    assert parsed == [(repository.root / "dvc.lock").read_text()]


@pytest.mark.parametrize(
    ("text", "digest"),
    [
        ("champion", FIRST),
        ("bbbb", SECOND),
        (SECOND, SECOND),
        ("HEAD~1", FIRST),
        ("main", SECOND),
        ("dvc.lock", SECOND),
    ],
)
def test_version_is_named_by_name_digest_or_commit(repository: VersionRepository, text: str, digest: str) -> None:
    assert chosen_version(repository.root, listed(repository.root), text).digest == digest


def test_text_that_names_no_version_or_many_is_refused(repository: VersionRepository) -> None:
    with pytest.raises(MlopsError, match="There are: bbbb2222, champion, aaaa1111") as raised:
        chosen_version(repository.root, listed(repository.root), "champoin")
    assert raised.value.problems[0].hint == "Did you mean `champion`?"
    repository.version("aaaa9999.dir")
    with pytest.raises(MlopsError, match="`aaaa` is the beginning of aaaa9999, aaaa1111"):
        chosen_version(repository.root, listed(repository.root), "aaaa")
