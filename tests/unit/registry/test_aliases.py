"""Which version a name stands for, and what is said where it stands for none."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.errors import MlopsError
from mlops.registry.aliases import Aliases
from tests.version_repository import VersionRepository

FIRST, SECOND = "aaaa1111.dir", "bbbb2222.dir"


@pytest.fixture
def repository(tmp_path: Path) -> VersionRepository:
    made = VersionRepository(tmp_path)
    made.version(FIRST, auc=0.9)
    made.tag("late#champion#1", message="the first")
    made.version(SECOND, auc=0.95, data="d2")
    return made


def digest_of(repository: VersionRepository, name: str) -> str:
    return Aliases(repository.root).find("late", name).version.digest


def refusal_of(root: Path, name: str) -> str:
    with pytest.raises(MlopsError) as raised:
        Aliases(root).find("late", name)
    (problem,) = raised.value.problems
    return f"{problem.summary}: {problem.detail} {problem.hint or ''}".strip()


def test_alias_is_the_version_of_its_newest_tag(repository: VersionRepository) -> None:
    found = Aliases(repository.root).find("late", "champion")
    assert (found.version.digest, found.version.data, found.version.dataset) == (FIRST, "d1", "rows")
    assert (found.tag.who, found.tag.message, found.version.metrics["test_auc"]) == ("Ann", "the first", 0.9)
    repository.tag("late#champion#2")
    assert digest_of(repository, "champion") == SECOND
    repository.tag("late#champion#3", "HEAD~1")
    assert digest_of(repository, "champion") == FIRST


def test_alias_counts_although_the_branch_went_another_way(repository: VersionRepository) -> None:
    repository.git("checkout", "-q", "-b", "other")
    repository.version("cccc3333.dir")
    repository.tag("late#champion#2")
    repository.git("checkout", "-q", "main")
    assert digest_of(repository, "champion") == "cccc3333.dir"


def test_version_of_gto_is_a_name_too(repository: VersionRepository) -> None:
    repository.tag("late@v1.0.0", "HEAD~1")
    assert digest_of(repository, "v1.0.0") == FIRST


def test_alias_that_was_taken_away_stands_for_nothing(repository: VersionRepository) -> None:
    repository.tag("late#champion!#2")
    assert refusal_of(repository.root, "champion").startswith(
        "no such name of a version: late@champion is what the tag"
    )
    assert "late#champion#3" in refusal_of(repository.root, "champion")


def test_unknown_alias_names_those_there_are_and_how_to_fetch(repository: VersionRepository) -> None:
    words = refusal_of(repository.root, "champoin")
    assert "model.late has champion." in words
    assert "git fetch --tags" in words
    assert words.endswith("Did you mean `champion`?")


def test_lightweight_tag_does_not_count_and_is_named(repository: VersionRepository) -> None:
    repository.git("tag", "late#challenger#2")
    assert "Lightweight tags such as late#challenger#2 say neither who nor when" in refusal_of(
        repository.root, "challenger"
    )


def test_clone_without_tags_and_history_says_how_to_get_them(repository: VersionRepository, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    repository.git("clone", "-q", "--depth", "1", "--no-tags", f"file://{repository.root}", str(clone))
    assert "model.late has no name at all" in refusal_of(clone, "champion")
    assert "git fetch --unshallow" in refusal_of(clone, "champion")
    repository.git("-C", str(clone), "fetch", "-q", "--tags")
    assert Aliases(clone).find("late", "champion").version.digest == FIRST


def test_tag_of_a_commit_without_the_model_is_refused(repository: VersionRepository) -> None:
    repository.commit("Break the lock", {"dvc.lock": "<<<<<<< ours\nschema: '2.0'\n=======\n>>>>>>> theirs\n"})
    repository.tag("late#champion#2")
    assert refusal_of(repository.root, "champion").startswith("tag names no version: The tag late#champion#2")


def test_folder_without_git_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    assert refusal_of(tmp_path_factory.mktemp("bare"), "champion").startswith("no git repository")


def test_project_below_the_top_is_named_by_its_folder(tmp_path: Path) -> None:
    repository = VersionRepository(tmp_path / "projects" / "flights", top=tmp_path)
    repository.version(FIRST)
    repository.tag("projects/flights=late#champion#1")
    repository.tag("late#champion#2")
    assert digest_of(repository, "champion") == FIRST
    assert Aliases(repository.root).next_tag("late", "champion") == "projects/flights=late#champion#2"
