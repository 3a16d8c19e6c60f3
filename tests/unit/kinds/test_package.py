"""What a package means to a plan."""

from __future__ import annotations

from pathlib import Path

from mlops.address import Address
from mlops.engine.resource import Action
from tests.e2e.conftest import SMALL
from tests.small_project import load_files
from tests.unit.kinds.conftest import Look

BASE = "docker.io/library/python@sha256:" + "1" * 64


def test_package_depends_on_its_model(look: Look) -> None:
    assert look.needs("package.late") == {"model.late": "REPACKAGE"}


def test_every_field_of_what_runs_repackages(look: Look) -> None:
    assert look.meaning("package.late", "threads") == ("REPACKAGE", Action.UPDATE, False)
    assert look.meaning("package.late", "api.max_rows") == ("REPACKAGE", Action.UPDATE, False)
    assert look.meaning("package.late", "image.builder") == ("METADATA", Action.UPDATE, True)


def test_registry_of_the_environment_is_a_field_of_its_image(tmp_path: Path) -> None:
    files = {
        **SMALL,
        "conf/package/late.yaml": f"model: late\nimage: {{ base: {BASE} }}\n",
        "conf/env/dev.yaml": "registry: { url: registry.example.com/team }\n",
    }
    desired = Look(tmp_path, load_files(tmp_path, files), {}).desired["package.late"]
    assert desired.inputs["image"] == {"base": BASE, "registry": "registry.example.com/team"}
    assert desired.origins["image.registry"] == "conf/env/dev.yaml:1"


def test_package_whose_files_are_gone_does_not_exist(look: Look) -> None:
    record = look.record("package.late", {"bento": str(look.root / "bento")})
    assert look.observe("package.late", record).exists is False
    (look.root / "bento").mkdir()
    (look.root / "bento" / "model.onnx").touch()
    assert look.observe("package.late", record).exists is True


def test_package_of_other_serving_code_is_stale(look: Look) -> None:
    (stale,) = look.observe("package.late", look.record("package.late", {"code": "of another version"})).stale
    assert stale.reason.text.startswith("the code that serves changed")
    assert stale.effect.category == "REPACKAGE"


def test_deletion_takes_its_bentos_away_and_may_be_repeated(look: Look) -> None:
    folder = look.context.paths.bentos / "bentos" / "late" / "v"
    folder.mkdir(parents=True)
    step = look.step("package.late", Action.DELETE, "DESTROY", look.record("package.late", {}))
    for _ in range(2):
        look.kind("package.late").delete(step)
        assert not folder.parent.exists()


def test_status_is_its_tag(look: Look) -> None:
    assert look.kind("package.late").status(look.record("package.late", {"tag": "late:0a1b"})).text == "late:0a1b"
    assert look.kind("package.late").logs(look.record("package.late", {})) == ()


def test_override_hint_names_its_file(look: Look) -> None:
    hint = look.kind("package.late").override_hint(Address("package", "late"), "threads", "2")
    assert hint == "To keep it, say in conf/package/late.yaml:  threads: 2"
