"""A promotion by alias: the tag is pushed, and the plan of production shows exactly that version going live. Costs 60 s alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import Workplace
from tests.version_repository import ANN

PROD = """\
state: { url: "sqlite:///STATE" }
package:
  late: { model: late@champion }
"""


@pytest.fixture
def team(small: Workplace, tmp_path: Path) -> Iterator[tuple[Workplace, Workplace]]:
    """A developer's clone with two versions of the model, and the clone of those who run production; a bare remote between."""
    dev, prod, origin = tmp_path / "dev", tmp_path / "prod", tmp_path / "origin.git"
    shutil.copytree(small.root, dev, symlinks=True, ignore=shutil.ignore_patterns("run", "state.db*", "bentos"))
    with (dev / "conf/project.yaml").open("a") as file:
        file.write(f"storage: {{ remote: {tmp_path / 'store'} }}\n")
    (dev / "conf/env/prod.yaml").write_text(PROD.replace("STATE", str(tmp_path / "state.db")))
    here = Workplace(dev)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(origin)], check=True)
    git(here, "remote", "add", "origin", str(origin))
    here.mlops("apply", "--yes", "--target", "model.late")
    commit(here, "Train it")
    here.edit("conf/model/late.yaml", "task: binary", "task: binary\nthreshold: 0.4")
    here.mlops("apply", "--yes", "--target", "model.late")
    commit(here, "Decide from 0.4 on")
    subprocess.run(["git", "clone", "-q", "-b", "main", "--no-tags", str(origin), str(prod)], check=True)
    there = Workplace(prod)
    try:
        yield here, there
    finally:
        there.mlops("destroy", "env=prod", "--yes", code=None)


def git(place: Workplace, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=place.root, env={**os.environ, **ANN}, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(place: Workplace, message: str) -> None:
    git(place, "add", "-A")
    git(place, "commit", "-q", "-m", message)
    git(place, "push", "-q", "origin", "HEAD:main")


def promote(dev: Workplace, prod: Workplace, version: str, message: str) -> str:
    """Give the version the name, push the tag, fetch it, and return the tag."""
    tag = dev.mlops("alias", "model.late", "champion", version, "-m", message).stdout.partition(":")[0]
    git(dev, "push", "-q", "origin", tag)
    git(prod, "fetch", "-q", "--tags")
    return tag


def versions(place: Workplace) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(
        place.mlops("show", "model.late", "--versions", "--format", "json").stdout
    )
    return found


def test_promotion_by_a_pushed_tag_goes_live_as_planned(team: tuple[Workplace, Workplace], tmp_path: Path) -> None:
    dev, prod = team
    assert "no such name of a version" in prod.mlops("plan", "env=prod", code=3).stderr

    second, first = (str(one["digest"]) for one in versions(dev)[:2])
    tag = promote(dev, prod, first[:8], "the first one")
    shown = prod.mlops("plan", "env=prod").stdout
    assert f"model.late {first[:8]} of commit" in shown
    assert f"tag {tag} by Ann" in shown
    assert second[:8] not in shown  # dvc.lock pins it, and production does not take it
    targets = ("--target", "endpoint.late")
    prod.mlops("apply", "env=prod", "--yes", *targets)
    assert {str(one["digest"]): one["runs_in"] for one in versions(prod)} == {
        first: ["prod endpoint.late v1"],
        second: [],
    }
    assert "No changes" in prod.mlops("plan", "env=prod", *targets).stdout

    tag = promote(dev, prod, second[:8], "it misses fewer")
    shown = prod.mlops("plan", "env=prod", *targets).stdout
    moved = f"tag {tag} moved {first[:8]} → {second[:8]}"
    assert moved in shown
    assert f"because package.late ~ because conf/env/prod.yaml:3 {moved}" in shown
    prod.mlops("plan", "env=prod", *targets, "--out", "saved.json")
    tag = promote(dev, prod, first[:8], "no, back")
    refused = prod.mlops("apply", "saved.json", code=4).stderr
    assert f"late@champion changed ({second[:8]} → {first[:8]})" in refused

    tag = promote(dev, prod, second[:8], "it is better after all")
    prod.mlops("apply", "env=prod", "--yes", *targets)
    assert {str(one["digest"]): one["runs_in"] for one in versions(prod)}[second] == ["prod endpoint.late v2"]

    shutil.rmtree(tmp_path / "store" / "files")
    (tmp_path / "store" / "files").mkdir()
    shutil.rmtree(prod.root / ".dvc" / "cache", ignore_errors=True)
    promote(dev, prod, first[:8], "and nobody has it")
    lost = prod.mlops("plan", "env=prod", *targets, code=3).stderr
    assert "version is not kept" in lost
    assert f"names model.late {first[:8]}, and its models/late/export is neither in the cache" in lost
