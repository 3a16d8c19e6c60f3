"""Every kind that a package brings keeps the contract: `value`, and the one that docs/extending.md shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlops.api import Project
from mlops.errors import MlopsError
from mlops.testing import KindContract
from tests.plugins import SLOW, example, install, installed
from tests.small_project import share_cache


class Contract(KindContract):
    @pytest.fixture(autouse=True)
    def _shared_cache(self, tmp_path: Path, cache: Path) -> None:
        share_cache(tmp_path, cache)

    @pytest.mark.slow
    def test_apply_killed_at_any_write_is_finished_by_the_next(self, tmp_path: Path) -> None:
        super().test_apply_killed_at_any_write_is_finished_by_the_next(tmp_path)


class TestValue(Contract):
    kind = "value"
    before = {"value": {"a": [1, 2.5, None, "ä"]}}  # noqa: RUF012
    after = {"value": "b"}  # noqa: RUF012


class TestDocumentedFile(Contract):
    kind = "file"
    before = {"path": "a.txt", "text": "one"}  # noqa: RUF012
    after = {"path": "b.txt", "text": "two"}  # noqa: RUF012

    @pytest.fixture(autouse=True)
    def _package(self, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
        site = install(tmp_path_factory.mktemp("site"), "file", "acme_file", example())
        with installed(site, "acme_file"):
            yield

    def test_edit_by_hand_is_planned_and_put_back(self, tmp_path: Path) -> None:
        self._declare(tmp_path, self.before)
        self._apply(tmp_path)
        (tmp_path / "a.txt").write_text("by hand")
        assert [c for _, c in self._pending(tmp_path).values()] == ["RECONFIGURE"]
        self._apply(tmp_path)
        assert (tmp_path / "a.txt").read_text() == "one"


def test_documented_kind_has_sixty_lines() -> None:
    assert len(example().strip().splitlines()) <= 60


def project(root: Path, kind: str) -> Path:
    (root / "conf" / kind).mkdir(parents=True)
    (root / "conf" / "project.yaml").write_text("name: p\n")
    (root / "conf" / kind / "it.yaml").write_text("{}\n")
    return root


def test_kind_whose_package_is_gone_is_named(tmp_path: Path) -> None:
    root = project(tmp_path / "p", "slow")
    (root / "go").touch()
    with installed(install(tmp_path / "site", "slow", "acme_slow", SLOW), "acme_slow"):
        opened = Project.open(root)
        opened.apply(opened.plan())
    (root / "conf" / "slow" / "it.yaml").unlink()
    with pytest.raises(MlopsError, match="no installed package brings that kind"):
        Project.open(root).plan()


@pytest.mark.parametrize(
    ("name", "module", "text", "message"),
    [
        ("broken", "acme_broken", "import nowhere", "cannot be imported: ModuleNotFoundError"),
        ("broken", "acme_broken", "Broken = 1", "is no model"),
        ("model", "acme_broken", "Model = 1", "both bring a kind called model"),
    ],
)
def test_plug_in_that_does_not_fit_is_named_by_its_package(
    tmp_path: Path, name: str, module: str, text: str, message: str
) -> None:
    root = project(tmp_path / "p", "broken")
    with installed(install(tmp_path / "site", name, module, text), module), pytest.raises(MlopsError, match=message):
        Project.open(root)
