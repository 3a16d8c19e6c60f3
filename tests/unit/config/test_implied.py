"""What nobody needs to write: references to the own name and to the only one, and packages that need no file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.address import Address
from mlops.config.schema.json_schema import schema_of
from tests.e2e.conftest import SMALL
from tests.small_project import load_files, problems_of

PACKAGE, ENDPOINT, MONITOR = (Address(kind, "late") for kind in ("package", "endpoint", "monitor"))
BRIEF = {**SMALL, "conf/package/late.yaml": "", "conf/endpoint/late.yaml": "", "conf/monitor/late.yaml": "# all said\n"}
WITHOUT_FILE = {path: text for path, text in BRIEF.items() if path != "conf/package/late.yaml"}


@pytest.mark.parametrize("files", [BRIEF, WITHOUT_FILE], ids=["empty files", "no file"])
def test_references_default_to_the_own_name_and_to_the_only_stack(tmp_path: Path, files: dict[str, str]) -> None:
    resources = load_files(tmp_path, files).resources
    assert resources[PACKAGE].inputs == {"model": "late"}
    assert resources[ENDPOINT].inputs == {"package": "late", "stack": "local"}
    assert resources[MONITOR].inputs["endpoint"] == "late"
    assert resources[ENDPOINT].references == (("package", PACKAGE), ("stack", Address("stack", "local")))


def test_brief_files_give_the_same_inputs_as_full_ones(tmp_path: Path) -> None:
    full = load_files(tmp_path / "full", SMALL).resources
    brief = load_files(tmp_path / "brief", {**SMALL, "conf/package/late.yaml": ""}).resources
    assert full[PACKAGE] == brief[PACKAGE]


def test_implied_package_has_the_origin_of_what_names_it(tmp_path: Path) -> None:
    origin = load_files(tmp_path, WITHOUT_FILE).resources[PACKAGE].origin("model")
    assert origin is not None
    assert origin.startswith("conf/endpoint/late.yaml")


def test_package_is_implied_for_each_endpoint_of_for_each(tmp_path: Path) -> None:
    model = SMALL["conf/model/late.yaml"] + "for_each: [a, b]\n"
    files = {**WITHOUT_FILE, "conf/model/late.yaml": model, "conf/endpoint/late.yaml": "for_each: [a, b]\n"}
    del files["conf/monitor/late.yaml"]
    packages = [str(address) for address in load_files(tmp_path, files).resources if address.kind == "package"]
    assert packages == ["package.late-a", "package.late-b"]


def test_disabled_package_is_not_implied(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, {**BRIEF, "conf/package/late.yaml": "enabled: false\n"})
    assert "endpoint.late leaves `package` out, which then names package.late" in problem.detail


def test_reference_left_out_that_names_nothing_says_where_it_came_from(tmp_path: Path) -> None:
    files = {**SMALL, "conf/package/late.yaml": "", "conf/package/other.yaml": ""}
    (problem,) = problems_of(tmp_path, files)
    assert "package.other leaves `model` out, which then names model.other" in problem.detail
    assert str(problem.source).startswith("conf/package/other.yaml")


def test_one_of_two_stacks_must_be_named(tmp_path: Path) -> None:
    files = {**BRIEF, "conf/stack/second.yaml": "target: local\n"}
    (problem,) = problems_of(tmp_path, files)
    assert (problem.summary, problem.address) == ("missing field", "endpoint.late")
    assert "There are 2: local, second. Say which." in problem.detail


def test_editors_accept_files_that_leave_references_out() -> None:
    assert "required" not in schema_of("package")
    assert "required" not in schema_of("endpoint")
    assert schema_of("model")["required"] == ["dataset", "task", "architecture"]
