"""A package of a version that a tag names: what a plan says, pins and refuses."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlops.address import Address
from mlops.config.project import ProjectSpec
from mlops.engine.plan import Change
from mlops.engine.resource import Action
from mlops.errors import GateFailed
from mlops.monitoring.learned import learned_of
from mlops.tools.digest import Hashes
from mlops.tools.dvc.cache import Cache
from tests.e2e.conftest import SMALL
from tests.small_project import load_files, problems_of
from tests.unit.kinds.conftest import Look
from tests.version_repository import VersionRepository

PROD = "state: { url: sqlite:///shared.db }\npackage:\n  late: { model: late@champion }\n"
FILES = {**SMALL, "conf/env/prod.yaml": PROD}


@pytest.fixture(scope="session")
def prod(tmp_path_factory: pytest.TempPathFactory) -> ProjectSpec:
    return load_files(tmp_path_factory.mktemp("named"), FILES, "env=prod")


@pytest.fixture
def repository(tmp_path: Path) -> VersionRepository:
    made = VersionRepository(tmp_path)
    made.version("aaaa1111.dir", auc=0.9)
    made.tag("late#champion#1", message="the first")
    made.version("bbbb2222.dir", auc=0.95)
    return made


@pytest.fixture
def named(prod: ProjectSpec, repository: VersionRepository) -> Look:
    return Look(repository.root, prod, {})


def kept(root: Path, text: str) -> str:
    """Put an export into the cache, and return its digest."""
    folder = root / "made" / "export"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_text(text)
    Cache(root).put(folder, Hashes(root / "hashes.json"))
    listing = json.dumps(
        [{"md5": hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(), "relpath": "model.onnx"}]
    )
    return hashlib.md5(listing.encode(), usedforsecurity=False).hexdigest() + ".dir"


def pending(action: Action = Action.UPDATE) -> Change:
    return Change(Address("package", "late"), action, "REPACKAGE", 7, ())


def test_package_of_a_named_version_follows_no_training(named: Look) -> None:
    assert named.needs("package.late") == {}
    assert named.spec.resources[Address("package", "late")].references == (("model", Address("model", "late")),)


def test_moved_tag_is_the_reason_and_names_both_digests(named: Look, repository: VersionRepository) -> None:
    record = named.record("package.late", {"model_digest": "aaaa1111.dir"})
    assert named.observe("package.late", record).stale == ()
    repository.tag("late#champion#2")
    (stale,) = Look(named.root, named.spec, {}).observe("package.late", record).stale
    assert stale.reason.text == "tag late#champion#2 moved aaaa1111 → bbbb2222"
    assert stale.reason.source == "conf/env/prod.yaml:3"
    assert stale.effect.category == "REPACKAGE"


def test_package_that_names_a_version_for_the_first_time_says_which(named: Look) -> None:
    record = named.record("package.late", {"model_digest": "bbbb2222.dir"}, model="late")
    (stale,) = named.observe("package.late", record).stale
    assert stale.reason.text == "tag late#champion#1 names another version: bbbb2222 → aaaa1111"


def test_notes_show_what_goes_live_and_who_promoted_it(named: Look) -> None:
    first, second, gates = named.kind("package.late").notes(named.desired["package.late"], None, "REPACKAGE")
    assert first.startswith("model.late aaaa1111 of commit ")
    assert first.endswith(": test_auc 0.900 [0.890, 0.910]")
    assert second == "tag late#champion#1 by Ann, 2026-01-05: the first"
    assert gates == "gates: 2 of 2 hold"
    assert named.kind("package.late").notes(named.desired["package.late"], None, "METADATA") == ()


def test_named_version_that_misses_a_gate_goes_nowhere(named: Look, repository: VersionRepository) -> None:
    digest = kept(named.root, "weights")
    repository.version(digest, auc=0.55)
    repository.tag("late#champion#2")
    look = Look(named.root, named.spec, {})
    (problem,) = look.kind("package.late").problems([pending()])
    assert problem.detail.startswith("test_auc >= 0.6: 0.55. The tag late#champion#2 names model.late")
    with pytest.raises(GateFailed, match="what is live stays live"):
        look.kind("package.late").create(look.step("package.late", Action.UPDATE, "REPACKAGE"))


def test_gate_against_the_live_model_is_for_candidates(tmp_path: Path, repository: VersionRepository) -> None:
    gated = SMALL["conf/model/late.yaml"] + "  - test_auc >= live - 0.01\n"
    look = Look(repository.root, load_files(tmp_path, {**FILES, "conf/model/late.yaml": gated}, "env=prod"), {})
    notes = look.kind("package.late").notes(look.desired["package.late"], None, "REPACKAGE")
    assert notes[-1] == "gates: 2 of 2 hold · not judged of a version with a name: test_auc >= live - 0.01"


def test_plan_is_pinned_to_the_digest_that_the_tag_names(named: Look, repository: VersionRepository) -> None:
    assert named.kind("package.late").pins(named.desired["package.late"]) == {"late@champion": "aaaa1111.dir"}
    repository.tag("late#champion!#2")
    later = Look(named.root, named.spec, {})
    assert later.kind("package.late").pins(later.desired["package.late"]) == {"late@champion": "none"}


def test_version_that_is_kept_nowhere_is_refused_with_its_tag(named: Look) -> None:
    (problem,) = named.kind("package.late").problems([pending()])
    assert problem.summary == "version is not kept"
    assert "The tag late#champion#1 names model.late aaaa1111" in problem.detail
    assert (problem.address, str(problem.source)) == ("package.late", "conf/env/prod.yaml:3")


def test_version_of_the_cache_is_brought_whatever_dvc_lock_says(named: Look, repository: VersionRepository) -> None:
    digest = kept(named.root, "weights")
    repository.version(digest)
    repository.tag("late#champion#2")
    repository.version("dddd4444.dir")
    look = Look(named.root, named.spec, {})
    assert list(look.kind("package.late").problems([pending()])) == []
    versions = look.kind("package.late")._named  # type: ignore[attr-defined]
    found = versions.find(look.desired["package.late"].inputs)
    with versions.brought(found) as exported:
        assert (exported / "model.onnx").read_text() == "weights"
    assert versions.outputs(found)["model_tag"] == "late#champion#2"


def test_name_without_a_tag_is_pending_and_refused(named: Look, repository: VersionRepository) -> None:
    repository.tag("late#champion!#2")
    look = Look(named.root, named.spec, {})
    record = look.record("package.late", {"model_digest": "aaaa1111.dir"})
    (stale,) = look.observe("package.late", record).stale
    assert stale.reason.text == "late@champion: no such name of a version"
    (problem,) = look.kind("package.late").problems([pending()])
    assert "git fetch --tags" in problem.detail


def test_rollback_asks_for_no_tag(named: Look, repository: VersionRepository) -> None:
    repository.tag("late#champion!#2")
    back = Change(Address("package", "late"), Action.UPDATE, "REPACKAGE", 7, (), restores=3)
    assert list(Look(named.root, named.spec, {}).kind("package.late").problems([back])) == []


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("late@", "`` after the @ names no version"),
        ("late@Champion", "`Champion` after the @ names no version"),
        ("late@v1.2", "`v1.2` after the @ names no version"),
        ("lat@champion", "names model.lat, which conf/model/ does not define"),
    ],
)
def test_name_that_is_none_is_refused(tmp_path: Path, model: str, words: str) -> None:
    (problem,) = problems_of(tmp_path, {**SMALL, "conf/package/late.yaml": f"model: {model}\n"})
    assert words in problem.detail


def test_monitor_of_a_named_version_follows_its_package(named: Look) -> None:
    assert named.needs("monitor.late") == {"package.late": "RECONFIGURE", "endpoint.late": None}
    assert named.desired["monitor.late"].depends_on[0].output == "model_digest"


def test_version_whose_data_are_kept_nowhere_cannot_be_watched(named: Look) -> None:
    change = Change(Address("monitor", "late"), Action.UPDATE, "RECONFIGURE", 3, ())
    (problem,) = named.kind("monitor.late").problems([change])
    assert "its data/rows is neither in the cache of this machine nor in a remote" in problem.detail


def test_named_version_is_watched_by_its_own_data_and_metrics(named: Look) -> None:
    data = kept(named.root, "rows of then")
    package = {
        "model": "late", "model_digest": "aaaa1111.dir", "bento": str(named.root / "bento"), "dataset": "rows",
        "data_digest": data, "metrics": {"test_auc": 0.9},
    }  # fmt: skip
    step = named.step("monitor.late", Action.UPDATE, "RECONFIGURE")
    step = replace(
        step, upstream={Address("package", "late"): package, Address("endpoint", "late"): {"stack": "local"}}
    )
    learned = learned_of(named.context, step, "rows")
    assert (learned.digest, learned.metrics, learned.exported) == (
        "aaaa1111.dir",
        {"test_auc": 0.9},
        named.root / "bento",
    )
    assert (learned.data / "model.onnx").read_text() == "rows of then"
    assert learned.data.is_relative_to(named.context.paths.monitor("late"))


def test_endpoint_names_the_version_where_its_package_needs_no_file(tmp_path: Path) -> None:
    files = {name: text for name, text in SMALL.items() if name != "conf/package/late.yaml"}
    files["conf/endpoint/late.yaml"] += "model: late@champion\n"
    files["conf/endpoint/next.yaml"] = "model: late@challenger\nstack: local\n"
    resources = load_files(tmp_path, files).resources
    late, other = (resources[Address("package", name)] for name in ("late", "next"))
    assert (late.inputs["model"], other.inputs["model"]) == ("late@champion", "late@challenger")
    assert str(late.source("model")) == "conf/endpoint/late.yaml:6"


def test_endpoint_and_package_that_name_other_models_are_refused(tmp_path: Path) -> None:
    files = {**SMALL, "conf/endpoint/late.yaml": SMALL["conf/endpoint/late.yaml"] + "model: late@champion\n"}
    (problem,) = problems_of(tmp_path, files)
    assert problem.detail.startswith(
        "`model: late@champion` is for a package that needs no file, and package.late says"
    )
