"""The verbs of the registry: which versions there are, and giving one a name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.e2e.conftest import SMALL
from tests.small_project import share_cache, write_files
from tests.unit.cli.conftest import Shell, shell
from tests.version_repository import ANN, VersionRepository


@pytest.fixture
def repository(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> VersionRepository:
    share_cache(tmp_path, cache)
    write_files(tmp_path, SMALL)
    made = VersionRepository(tmp_path)
    made.version("aaaa1111.dir", auc=0.9)
    made.version("bbbb2222.dir", auc=0.95)
    monkeypatch.chdir(tmp_path)
    for name, value in ANN.items():
        monkeypatch.setenv(name, value)
    return made


@pytest.fixture
def mlops(repository: VersionRepository, capsys: pytest.CaptureFixture[str]) -> Shell:
    return shell(capsys)


def test_versions_are_listed_for_people_and_for_programs(mlops: Shell, repository: VersionRepository) -> None:
    repository.tag("late#champion#1", "HEAD~1")
    write_files(repository.root, {"conf/env/prod.yaml": "state: { url: '${secret:URL_OF_NOBODY}' }\n"})
    head, newest, oldest, unknown = mlops("show", "model.late", "--versions").out.splitlines()
    assert head.split() == ["version", "names", "test_auc", "data", "commit", "at", "who", "runs", "in"]
    assert newest.split()[:5] == ["bbbb2222", "dvc.lock", "0.950", "[0.940,", "0.960]"]
    assert oldest.split()[:5] == ["aaaa1111", "champion", "0.900", "[0.890,", "0.910]"]
    assert unknown == "What runs in prod is not known here: secret has no value."
    second, first = json.loads(mlops("show", "model.late", "--versions", "--format", "json").out)
    assert (second["digest"], first["names"], first["who"]) == ("bbbb2222.dir", ["champion"], "Ann")
    assert "| aaaa1111 | champion |" in mlops("show", "model.late", "--versions", "--format", "markdown").out


def test_versions_are_of_models_alone(mlops: Shell) -> None:
    assert mlops("show", "dataset.rows", "--versions").err.startswith("Error: no versions")
    assert mlops("show", "--versions").code == 1


def test_alias_moves_and_says_how_to_push(mlops: Shell, repository: VersionRepository) -> None:
    first = repository.git("rev-parse", "HEAD~1")
    assert mlops("alias", "model.late", "champion", "aaaa", "-m", "the first").out == (
        f"late#champion#1: champion is model.late aaaa1111 of commit {first[:8]}.\n"
        "Push it for others, and for review: git push origin 'late#champion#1'\n"
    )
    assert mlops("alias", "model.late", "champion").out.startswith(
        "late#champion#2: champion is model.late bbbb2222 of commit"
    )
    assert repository.git("tag", "-l", "--format=%(refname:strip=2) %(contents:subject) %(taggername)", "*#1") == (
        "late#champion#1 the first Ann"
    )
    assert mlops("alias", "model.late", "champion").err.startswith("Error: nothing to name")
    assert mlops("alias", "model.late", "champion", "--remove").out.startswith("late#champion!#3: model.late bbbb2222")
    assert mlops("alias", "model.late", "champion", "--remove").err.startswith("Error: no such name of a version")


def test_version_of_gto_is_given_once(mlops: Shell) -> None:
    assert mlops("alias", "model.late", "v1.0.0", "aaaa").out.startswith("late@v1.0.0: v1.0.0 is model.late aaaa1111")
    assert mlops("alias", "model.late", "v1.0.0", "bbbb").err.startswith("Error: version exists")


@pytest.mark.parametrize(
    ("words", "summary"),
    [
        (("dataset.rows", "champion"), "no versions"),
        (("model.late", "Champion"), "not a name"),
        (("model.late", "champion", "cccc"), "no such version"),
        (("model.lat", "champion"), "no such resource"),
    ],
)
def test_name_that_cannot_be_given_is_refused(mlops: Shell, words: tuple[str, ...], summary: str) -> None:
    ended = mlops("alias", *words)
    assert (ended.code, ended.err.partition("  ")[0].strip()) == (1, f"Error: {summary}")


def test_version_that_is_not_committed_gets_no_name(mlops: Shell, repository: VersionRepository) -> None:
    text = (repository.root / "dvc.lock").read_text()
    (repository.root / "dvc.lock").write_text(text.replace("bbbb2222", "cccc3333"))
    assert "the working tree has it: commit dvc.lock" in mlops("alias", "model.late", "champion").err


def test_comparison_says_what_differs_and_what_is_beyond_chance(mlops: Shell, repository: VersionRepository) -> None:
    roc = '[{"fpr": 0, "tpr": 0}, {"fpr": 0.5, "tpr": 0.9}, {"fpr": 1, "tpr": 1}]'
    repository.commit("Draw it", {"plots/model/late/roc.json": roc})
    repository.version("cccc3333.dir", auc=0.95, trainer={"max_epochs": 5}, code={"net.py": "2"})
    shown = mlops("compare", "model.late", "aaaa").out
    assert shown.startswith("model.late: aaaa1111 → cccc3333\n")
    assert "trainer.max_epochs  not set   5" in shown
    assert "Code that differs: net.py." in shown
    assert "The same: dataset.rows d1." in shown
    assert "test_auc  0.900 [0.890, 0.910]  0.950 [0.940, 0.960]  +0.05       better" in shown
    assert "within the intervals" not in shown
    repository.version("dddd4444.dir", auc=0.96)
    other = mlops("compare", "model.late", "cccc", "--format", "html", "-o", "page.html")
    assert other.out == "Written: page.html\n"
    page = (repository.root / "page.html").read_text()
    assert "<td>better, within the intervals</td>" in page
    assert page.count("<polyline") == 2
    assert (
        json.loads(mlops("compare", "model.late", "bbbb", "--format", "json").out)["title"]
        == "model.late: bbbb2222 → dddd4444"
    )


def test_versions_of_other_data_are_not_called_better(mlops: Shell, repository: VersionRepository) -> None:
    repository.version("cccc3333.dir", auc=0.99, data="d2")
    shown = mlops("compare", "model.late", "aaaa", "cccc", "--format", "markdown").out
    assert "Measured on other data, so that neither is called better." in shown
    assert "| better" not in shown
    assert mlops("compare", "model.late", "dddd").err.startswith("Error: no such version")
