"""What a package means to a plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mlops.address import Address
from mlops.config.schema.package import Package, answer_misfits
from mlops.engine.resource import Action
from mlops.errors import MlopsError
from mlops.packaging.bento import stage_bento
from mlops.workloads.serving.app import Application
from tests.e2e.conftest import SMALL
from tests.served_model import write_served_model
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


def packed(tmp_path: Path, **api: Any) -> dict[str, Any]:
    """Return api.json of a bento of the small model that is written by hand."""
    exported = write_served_model(tmp_path / "export")
    (exported / "api.json").unlink()
    stage_bento(tmp_path / "staged", "m", exported, Package.model_validate({"model": "m", "api": api}))
    content: dict[str, Any] = json.loads((tmp_path / "staged/model/api.json").read_text())
    return content


def test_bento_says_what_a_row_must_hold_and_who_may_ask(tmp_path: Path) -> None:
    api = packed(tmp_path, required=["place"], outside="refuse", cors=["https://app.example.com:8443", "*"])
    assert (api["required"], api["outside"]) == (["place"], "refuse")
    assert api["cors"] == ["https://app.example.com:8443", "*"]
    Application(tmp_path / "staged/model", "v1")


def test_required_column_that_the_model_does_not_take_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        MlopsError, match=r"`api.required` of package.m names colour, which the model does not take"
    ) as raised:
        packed(tmp_path, required=["place", "colour"])
    assert raised.value.problems[0].hint == "Did you mean `color`?"


@pytest.mark.parametrize("origin", ["app.example.com", "https://app.example.com/", "https://*.example.com", "null", ""])
def test_origin_is_a_scheme_a_host_and_a_port(origin: str) -> None:
    with pytest.raises(ValidationError, match="is no origin; write the scheme and the host"):
        Package.model_validate({"model": "m", "api": {"cors": [origin]}})


def test_package_explains_no_images() -> None:
    api = Package.model_validate({"model": "m", "api": {"explain": True}}).api
    assert not list(answer_misfits(api, "binary", has_images=False))
    ((field, why),) = answer_misfits(api, "binary", has_images=True)
    assert (field, "looks at images" in why) == ("explain", True)
    ((_, why),) = answer_misfits(api, "clustering", has_images=False)
    assert "this is `task: clustering`" in why
