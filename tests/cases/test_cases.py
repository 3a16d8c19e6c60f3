"""What each edit means, as data: a folder a case, one loader. `make golden` rewrites the expected files.

The project is `tests/cases/conf/`, which no change of the reference project touches. `case.yaml`: `words` (overrides of
the desired spec), `applied` (overrides of the spec as it was applied last, None for nothing applied), `without`
(resources whose files are gone now), `files` (path -> content of files that lie in the project), `world` (what is
observed otherwise: stale, attention), `expect` (address -> action and category), `every_view` (true for the few cases
that fix all views). Expected: plan.txt, and where every view is fixed plan.json, plan.md and plan.html too.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from mlops.address import Address
from mlops.config.load import load
from mlops.config.project import ProjectSpec
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.effects import effect_of
from mlops.engine.plan import Plan, PlanInputs, collect_attention, make_plan
from mlops.engine.resource import Attention, Desired, Effect, Observed, Reason, Record, Stale
from mlops.kinds.registry import build_kinds, desire_all
from mlops.render.document import plan_document
from mlops.render.html import render_html
from mlops.render.markdown import render_markdown
from mlops.render.terminal import render_terminal
from tests.small_project import share_cache, write_files

HERE = Path(__file__).parent
CONF = HERE / "conf"
CASES = sorted(path.parent for path in HERE.rglob("case.yaml"))
SALT = "00" * 16


def desired_of(project: ProjectSpec, root: Path) -> dict[Address, Desired]:
    return desire_all(build_kinds(Context(root, project.settings, SALT, resources=project.resources)), project)


def record_of(desired: Desired) -> Record:
    upstream = {f"{d.address}:{d.output}": f"{d.output} of {d.address}" for d in desired.depends_on if d.output}
    outputs: dict[str, Any] = {"digest": f"digest of {desired.address}", "address": f"address of {desired.address}"}
    if desired.address.kind == "model":
        outputs |= {"seconds": 10.0, "epochs": 3}
    needs = tuple(d.address for d in desired.depends_on)
    return Record(desired.address, desired.inputs, outputs, upstream, needs, desired.protect, serial=1)


def observed_of(record: Record, world: Mapping[str, Any]) -> Observed:
    def effect(word: str) -> Effect:
        return effect_of(Category(word))

    stale = tuple(Stale(Reason(one["reason"]), effect(one["category"])) for one in world.get("stale", ()))
    attention = tuple(
        Attention(record.address, one["summary"], tuple(one["lines"]), one["proposal"], tuple(one["commands"]))
        for one in world.get("attention", ())
    )
    return Observed(record, exists=world.get("exists", True), stale=stale, attention=attention)


def document_of(case: Mapping[str, Any], root: Path) -> dict[str, Any]:
    observed: dict[Address, Observed] = {}
    if case.get("applied") is not None:
        for at, desired in desired_of(load(root, overrides=case["applied"]), root).items():
            observed[at] = observed_of(record_of(desired), case.get("world", {}).get(str(at), {}))
    for name in case.get("without", ()):
        (root / "conf" / f"{name.replace('.', '/')}.yaml").unlink()
        (root / "conf/env/dev.yaml").write_text("{}\n")
        (root / "conf/env/prod.yaml").unlink(missing_ok=True)
    project = load(root, overrides=case.get("words", ()))
    records = {at: seen.recorded for at, seen in observed.items() if seen.recorded}
    kinds = build_kinds(Context(root, project.settings, SALT, records, project.resources))
    plan_inputs = PlanInputs(desire_all(kinds, project), observed, kinds)
    plan = Plan(
        project.name, project.environment, "lineage", 7, "2026-01-01T00:00:00+00:00", make_plan(plan_inputs),
        attention=collect_attention(plan_inputs), overrides=tuple(case.get("words", ())),
    )  # fmt: skip
    return plan_document(plan, apply_with=" ".join(["mlops apply", *plan.overrides]))


def views_of(document: dict[str, Any]) -> dict[str, str]:
    return {
        "plan.txt": render_terminal(document),
        "plan.json": json.dumps(document, indent=2, ensure_ascii=False) + "\n",
        "plan.md": render_markdown(document),
        "plan.html": render_html(document),
    }


@pytest.mark.parametrize("folder", CASES, ids=lambda path: str(path.relative_to(HERE)))
def test_plan_is_the_expected_one_in_each_view(
    folder: Path, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = yaml.safe_load((folder / "case.yaml").read_text())
    for name, value in case.get("env", {}).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DELAY_API_KEY", "not-to-be-seen")
    shutil.copytree(CONF, tmp_path / "conf")
    share_cache(tmp_path, cache)
    write_files(tmp_path, case.get("files", {}))
    document = document_of(case, tmp_path)
    rendered = views_of(document)
    assert not [name for name, text in rendered.items() if "not-to-be-seen" in text]
    fixed = set(rendered) if case.get("every_view") else {"plan.txt"}
    if os.environ.get("GOLDEN") == "write":
        for name, text in rendered.items():
            (folder / name).unlink(missing_ok=True)
            if name in fixed:
                (folder / name).write_text(text)
    for name in sorted(fixed):
        text = (folder / name).read_text()
        assert text == rendered[name], f"{folder / name}: look at the difference, then run `make golden`"
    assert {path.name for path in folder.glob("plan.*")} == fixed
    actions = {change["address"]: [change["action"], change["category"]] for change in document["changes"]}
    assert actions == case["expect"]


def test_every_view_is_fixed_by_a_handful_of_cases() -> None:
    full = [folder for folder in CASES if yaml.safe_load((folder / "case.yaml").read_text()).get("every_view")]
    assert len(full) == 5
