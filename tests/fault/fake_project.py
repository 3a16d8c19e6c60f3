"""The six kinds with doors that cost nothing: a project whose stages, bentos, processes and gateway are pretended.

Lives here: Doors (what is outside, and how often what was done there), Chain (the project: declare, apply, look).
The engine, the kinds, the executor of stages, dvc.lock and the state are the real ones.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from mlops.address import Address
from mlops.api import Project
from mlops.engine.apply import ApplyContext, Result, apply_plan
from mlops.engine.lease import Holder, lease
from mlops.engine.plan import Change, make_plan
from mlops.engine.selection import EVERYTHING, Selection
from mlops.scaffold.stage_files import write_stage_files
from mlops.targets.local.watch import KEEPER
from mlops.tools.dvc.cache import Cache
from mlops.tools.dvc.lockfile import LockFile
from mlops.tools.dvc.reader import read_lock
from mlops.tools.supervisor import ProcessState, Program
from tests.engine_world import hurry

Touch = Callable[[str], None]


class Doors:
    """`touch` is called before and after all that changes something outside. `programs`: by the folder of their supervisor.
    `done`: what was finished there, and how often."""

    def __init__(self) -> None:
        self.touch: Touch = lambda where: None
        self.programs: dict[Path, dict[str, Program]] = {}
        self.done: Counter[str] = Counter()

    def act(self, what: str, do: Callable[[], object]) -> None:
        self.touch(f"before {what}")
        do()
        self.touch(f"after {what}")

    def open(self, monkeypatch: pytest.MonkeyPatch) -> None:
        finish = LockFile.finish

        def finished(lock: LockFile, name: str, entry: dict[str, Any]) -> None:
            def do() -> None:
                finish(lock, name, entry)
                self.done[f"{name} {json.dumps(entry.get('params'), sort_keys=True)}"] += 1

            self.act(f"noting {name}", do)

        monkeypatch.setattr(LockFile, "finish", finished)
        monkeypatch.setattr("mlops.tools.dvc.execute.StageCommand", lambda *args: Stage(self, *args))
        for module in ("kinds.staged.stages", "kinds.package", "monitoring.learned"):
            monkeypatch.setattr(f"mlops.{module}.checkout", self.checkout)
        monkeypatch.setattr("mlops.kinds.package.run", self.build)
        monkeypatch.setattr("mlops.monitoring.baseline.run", self.profile)
        monkeypatch.setattr("mlops.targets.local.host.Supervisor", lambda folder, socket: FakeSupervisor(self, folder))
        for room in ("host", "stack"):  # the keeper starts what watches
            monkeypatch.setattr(
                f"mlops.targets.local.{room}.is_watched", lambda folder: KEEPER in self.programs.get(folder, {})
            )
        monkeypatch.setattr("mlops.targets.local.host.EnvoyGateway", lambda folder, admin: FakeGateway(self, folder))
        monkeypatch.setattr("mlops.targets.local.versions.ask", lambda *args, **named: (200, b"{}"))
        monkeypatch.setattr("mlops.targets.local.stack.port_is_free", lambda host, port: True)
        monkeypatch.setattr("mlops.targets.local.stack.free_port", self._port)
        monkeypatch.setattr("mlops.rollout.rollout.time.sleep", lambda seconds: None)
        monkeypatch.setattr("mlops.rollout.watch.sleep", lambda seconds: None)
        monkeypatch.setattr("os.fsync", lambda file: None)

    def _port(self, host: str, first: int) -> int:
        return first

    def build(self, words: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
        """`bentoml build`."""
        name = json.loads((cwd / "bentofile.yaml").read_text())["name"]
        version = words[words.index("--version") + 1]
        folder = Path(env["BENTOML_HOME"]) / "bentos" / name / version

        def do() -> None:
            shutil.copytree(cwd, folder / "src", ignore=shutil.ignore_patterns("bentofile.yaml"))
            self.touch("in the middle of a bento")
            (folder / "bento.yaml").write_text(f"{name}:{version}\n")
            self.done[f"bento {name}:{version}"] += 1

        self.act(f"building {name}", do)

    def checkout(self, root: Path, stages: Sequence[str], remote: object) -> None:
        """`dvc checkout`, from the cache that the executor filled."""
        for stage in stages:
            for path, md5 in read_lock(root)[stage].outs.items():
                if not (root / path).exists():
                    self.act(f"bringing {path} back", lambda md5=md5, path=path: Cache(root).get(md5, root / path))  # type: ignore[misc]

    def profile(self, words: Sequence[str], *, cwd: Path) -> None:
        config = json.loads(Path(words[-1]).read_text())
        made = Path(config["baseline_dir"]) / "baseline.json"

        def do() -> None:
            made.parent.mkdir(parents=True, exist_ok=True)
            made.with_suffix(".bin").write_text("a profile")
            made.write_text(json.dumps({"digest": config["baseline_digest"], "calibration": None, "reference": None}))

        self.act(f"profiling for {config['monitor']}", do)


class Stage:
    """The command of a stage: writes outputs that follow from its parameters and from what it reads."""

    def __init__(self, doors: Doors, root: Path, name: str, cmd: str, say: object) -> None:
        self.doors, self.root, self.name = doors, root, name

    def run(self) -> None:
        verb, _, name = self.name.partition("@")
        self.doors.act(f"running {self.name}", lambda: getattr(self, f"_{verb}")(name))

    def _write(self, path: str, value: Any) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(json.dumps(value, sort_keys=True))

    def _read(self, path: str) -> Any:
        return json.loads((self.root / path).read_text())

    def _prepare(self, name: str) -> None:
        params = self._read(f"params/dataset/{name}.json")["prepare"]
        self._write(f"data/{name}/schema.json", {**params, "columns": []})
        self.doors.touch("in the middle of a data set")
        self._write(f"data/{name}/profile.json", {"rows": {"source": 9, "result": 9}, "columns": [], "newest": None})

    def _train(self, name: str) -> None:
        params = self._read(f"params/model/{name}.json")["train"]
        data = self._read(f"data/{params['dataset']}/schema.json")
        self._write(f"models/{name}/train/network.json", [params, data])
        self.doors.touch("in the middle of a training")
        self._write(f"models/{name}/train/summary.json", {"epochs": 1})

    def _evaluate(self, name: str) -> None:
        self._write(f"metrics/model/{name}.json", {"test_auc": 0.9, "baselines": {"trivial": {"test_auc": 0.5}}})
        self._write(f"plots/model/{name}/roc.json", [])

    def _export(self, name: str) -> None:
        network = self._read(f"models/{name}/train/network.json")
        for file, value in (
            ("model.onnx", network),
            ("contract.json", {"columns": []}),
            ("golden.json", {"rows": [], "predictions": []}),
        ):
            self._write(f"models/{name}/export/{file}", value)


class FakeSupervisor:
    def __init__(self, doors: Doors, folder: Path) -> None:
        self.doors, self.folder = doors, folder

    def is_up(self, timeout: float | None = None) -> bool:
        return self.folder in self.doors.programs

    def start(self) -> None:
        if not self.is_up():
            self.doors.act("starting a supervisor", lambda: self.doors.programs.setdefault(self.folder, {}))

    def stop(self) -> None:
        self.doors.act("stopping a supervisor", lambda: self.doors.programs.pop(self.folder, None))

    def end_orphans(self) -> list[int]:
        return []

    def states(self, *, timeout: float | None = None) -> dict[str, ProcessState]:
        return {name: ProcessState("RUNNING", 1) for name in self.doors.programs.get(self.folder, {})}

    def put(self, program: Program) -> None:
        running = self.doors.programs[self.folder]
        if running.get(program.name) != program:
            self.doors.act(f"starting {program.name}", lambda: running.update({program.name: program}))

    def take(self, name: str) -> None:
        running = self.doors.programs.get(self.folder, {})
        if name in running:
            self.doors.act(f"stopping {name}", lambda: running.pop(name))


class FakeGateway:
    def __init__(self, doors: Doors, folder: Path) -> None:
        self.doors, self.folder = doors, folder

    def command(self, program: str) -> list[str]:
        return [program]

    def prepare(self, host: str, port: int, tls: Any = None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)

    def is_whole(self) -> bool:
        return self.folder.exists()

    def is_ready(self) -> bool:
        return "gateway" in self.doors.programs.get(self.folder.parent, {})

    def listens(self, port: int) -> bool:
        return self.is_ready()

    def keys(self) -> dict[str, list[str]]:
        return {}

    def trust(self, issuers: Any) -> None:
        assert not issuers

    def put(self, table: Any) -> None:
        self.doors.act("a table of the gateway", lambda: (self.folder / "table.txt").write_text(repr(table)))

    def counters(self, cluster: str) -> tuple[dict[str, float], dict[float, float]]:
        return {}, {}


def declare(root: Path, files: Mapping[str, Any]) -> None:
    """`files`: `kind/name` -> what the file says."""
    shutil.rmtree(root / "conf", ignore_errors=True)
    for name, content in {"project": {"name": "chain"}, **files}.items():
        path = root / "conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


class Chain:
    """A project below `home`, and what is outside of it. `mark` and `back` go back in time."""

    def __init__(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.kept = home / "project", home / "kept"
        self.doors, self.before = Doors(), Doors()
        self.doors.open(monkeypatch)
        write_stage_files(self.root)
        (self.root / "rows.csv").write_text("number,late\n1,true\n")

    def mark(self) -> None:
        shutil.copytree(self.root, self.kept, symlinks=True)
        self.programs = deepcopy(self.doors.programs)

    def back(self) -> None:
        caches, aside = self.root / ".mlops/cache", self.root.with_name("caches")
        caches.rename(
            aside
        )  # they depend on the content of files alone, and it takes a second to find all of it out again
        shutil.rmtree(self.root)
        shutil.copytree(self.kept, self.root, symlinks=True, ignore=shutil.ignore_patterns("cache"))
        aside.rename(caches)
        self.doors.programs, self.doors.done = deepcopy(self.programs), Counter()
        self.doors.touch = lambda where: None

    def plan(self, selection: Selection = EVERYTHING) -> list[Change]:
        """What is pending."""
        changes = make_plan(self._open().look().plan_inputs, selection)
        return [change for change in changes if change.action.changes_something]

    def apply(self, selection: Selection = EVERYTHING, *, store: Callable[[Any], Any] = lambda store: store) -> Result:
        project = self._open()
        with lease(project.store, Holder.me("tester", "now")) as token:
            plan_inputs = project.look().plan_inputs
            apply_context = ApplyContext(plan_inputs, store(project.store), "op", token, parallel=1)
            return apply_plan(make_plan(plan_inputs, selection), apply_context)

    def _open(self) -> Project:
        project = Project.open(self.root)
        sa.event.listen(project.store.engine, "connect", hurry)
        return project

    def world(self) -> dict[str, Any]:
        """All that there is: what is recorded, what runs, what lies on the disk, what dvc.lock pins."""
        store = self._open().store
        recorded = {
            str(at): (record.inputs, record.outputs, record.upstream, record.complete)
            for at, record in store.records().items()
        }
        for _, outputs, _, _ in recorded.values():
            outputs.pop("seconds", None)  # type: ignore[attr-defined]
        files = {
            str(path.relative_to(self.root)): path.read_text()
            for top in ("data", "models", "metrics", "params", ".mlops/run", ".mlops/bentos", "dvc.lock")
            for path in [self.root / top, *(self.root / top).rglob("*")] if path.is_file()
        }  # fmt: skip
        return {"recorded": recorded, "intents": store.intents(), "runs": self.doors.programs, "files": files}


def at(text: str) -> Address:
    return Address.parse(text)
