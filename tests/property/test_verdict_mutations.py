"""What must run, as the light reader says it, is what `dvc status` says, whatever somebody did to the project.

One difference is meant: an output that is in the cache alone counts as it was (planning needs no checkout); DVC calls it
deleted.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlops.tools.digest import Hashes
from mlops.tools.dvc import yaml12
from mlops.tools.dvc.execute import execute
from mlops.tools.dvc.reader import read_lock, read_stages
from mlops.tools.dvc.verdict import in_cache, verdict
from tests.stages_graph import NAMES, graph

CASES = 300
THEIRS = """
import json, sys, warnings
warnings.simplefilter("ignore")
from dvc.repo import Repo
for line in sys.stdin:
    try:
        with Repo(line.strip()) as repo:
            print(json.dumps(repo.status()), flush=True)
    except Exception as error:
        print(json.dumps({"error": repr(error)}), flush=True)
"""


class Theirs:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", THEIRS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )  # fmt: skip

    def changed(self, root: Path) -> set[str]:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{root}\n")
        self.process.stdin.flush()
        findings_of: dict[str, list[Any]] = json.loads(self.process.stdout.readline())
        assert "error" not in findings_of, findings_of
        return {
            name.rpartition("dvc.yaml:")[2]
            for name, findings in findings_of.items()
            if any(_counts(root, finding) for finding in findings)
        }


def _counts(root: Path, finding: Any) -> bool:
    if not isinstance(finding, dict):
        return True
    known = {
        item["path"]: item["md5"]
        for entry in _lock(root)["stages"].values()
        for item in (*entry["deps"], *entry["outs"])
    }
    for what, items in finding.items():
        for path, state in items.items() if isinstance(items, dict) else ():
            cached = what == "changed deps" or (what == "changed outs" and path not in ("metrics.json", "plots"))
            if not (cached and state == "deleted" and in_cache(root, known.get(path, "-"))):
                return True
    return False


def ours(root: Path) -> set[str]:
    lock, hashes = read_lock(root), Hashes(root / ".mlops" / "h.json")
    names = set()
    for name, stage in read_stages(root).items():
        params = {file: json.loads((root / file).read_text()) for file in stage.params}
        if verdict(root, stage, lock.get(name), params, hashes):
            names.add(name)
    return names


def _lock(root: Path) -> Any:
    return yaml12.loads((root / "dvc.lock").read_text())


def _edit_lock(root: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    lock = _lock(root)
    edit(lock["stages"])
    (root / "dvc.lock").write_text(yaml12.dumps(lock))


def _edit_json(root: Path, name: str, edit: Callable[[dict[str, Any]], object]) -> None:
    path = root / "params" / f"{name}.json"
    params = json.loads(path.read_text())
    edit(params)
    path.write_text(json.dumps(params))


def _swap(root: Path, before: str, after: str) -> None:
    (root / "dvc.yaml").write_text((root / "dvc.yaml").read_text().replace(before, after))


def _lose(root: Path, path: str, *, everywhere: bool) -> None:
    at = root / path
    shutil.rmtree(at) if at.is_dir() else at.unlink(missing_ok=True)
    if everywhere:
        md5s = {out["md5"] for entry in _lock(root)["stages"].values() for out in entry["outs"] if out["path"] == path}
        for md5 in md5s:
            (root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).unlink(missing_ok=True)


OUTS = ("parts/a", "parts/ä-b", "joined.txt", "metrics.json", "plots", "out/pack.bin")
MUTATIONS: tuple[Callable[[Path, random.Random], object], ...] = (
    lambda root, chance: (root / "in" / f"{chance.choice('12')}.txt").write_text(chance.choice(["x\n", "one\n", "two\n"])),
    lambda root, chance: (root / "in" / f"{chance.choice('12')}.txt").touch(),
    lambda root, chance: _edit_json(root, "split", lambda params: params["words"].update({chance.choice(["yes", "n", "new"]): 1})),
    lambda root, chance: _edit_json(root, "split", lambda params: params["words"].pop(chance.choice(["f", "012", "lines"]), None)),
    lambda root, chance: _edit_json(root, "split", lambda params: params.update(other=chance.random())),
    lambda root, chance: _edit_json(root, "measure", lambda params: params.update(on=chance.choice([True, False, "on", None]))),
    lambda root, chance: _edit_json(root, "measure", lambda params: params.update(size=chance.choice([[1], [1, 2.5], 7]))),
    lambda root, chance: _edit_json(root, "index", lambda params: params["split"].update(c={"file": "1.txt"})),
    lambda root, chance: _edit_json(root, "index", lambda params: params["split"].update(a={"file": chance.choice(["1.txt", "2.txt"])})),
    lambda root, chance: _swap(root, chance.choice(["cat ", "wc -c", "mkdir -p plots"]), "true; true "),
    lambda root, chance: _swap(root, "      - params/split.json:\n          - words", "      - params/split.json:\n          - other"),
    lambda root, chance: _swap(root, "    outs:\n      - joined.txt", "    outs:\n      - joined.txt\n      - more.txt"),
    lambda root, chance: _swap(root, "      - parts/ä-b\n    outs", "      - in/1.txt\n    outs"),
    lambda root, chance: _lose(root, chance.choice(OUTS), everywhere=False),
    lambda root, chance: _lose(root, chance.choice(OUTS), everywhere=True),
    lambda root, chance: (root / "joined.txt").write_text(chance.choice(["one\ntwo\n", "other"])),
    lambda root, chance: (root / "metrics.json").write_text("9"),
    lambda root, chance: (root / "parts").mkdir(exist_ok=True) or _more(root / chance.choice(OUTS[:2])),
    lambda root, chance: (root / "parts" / "a" / "one.txt").unlink(missing_ok=True),
    lambda root, chance: _edit_lock(root, lambda stages: stages.pop(chance.choice(NAMES), None)),
    lambda root, chance: _edit_lock(root, lambda stages: _rewrite(stages, chance)),
)  # fmt: skip


def _more(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "more.txt").write_text("more")


def _rewrite(stages: dict[str, Any], chance: random.Random) -> None:
    entry = stages[chance.choice(list(stages))]
    match chance.randrange(4):
        case 0:
            entry["cmd"] += " "
        case 1:
            chance.choice(entry["deps"])["md5"] = "0" * 32
        case 2:
            chance.choice(entry["outs"])["md5"] = "0" * 32
        case _:
            entry["deps"].pop()


@pytest.fixture(scope="module")
def theirs() -> Iterator[Theirs]:
    dvc = Theirs()
    yield dvc
    dvc.process.kill()
    dvc.process.communicate()


def test_light_reader_agrees_with_dvc_status(tmp_path: Path, theirs: Theirs) -> None:
    clean, root = tmp_path / "clean", tmp_path / "project"
    graph(clean)
    execute(clean, list(read_stages(clean)), Hashes(clean / ".mlops" / "h.json"), lambda line, fraction: None)
    seen: set[frozenset[str]] = set()
    for number in range(CASES):
        chance = random.Random(number)
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(clean, root)
        chosen = [chance.randrange(len(MUTATIONS)) for _ in range(chance.choice([1, 1, 2, 3]))]
        for index in chosen:
            MUTATIONS[index](root, chance)
        names = ours(root)
        assert names == theirs.changed(root), f"case {number}: mutations {chosen}"
        seen.add(frozenset(names))
    assert len(seen) > 20
