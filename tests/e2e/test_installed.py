"""The tool as people install it: the built wheel, in a fresh environment, far from this checkout.

Each extra is installed alone and does what it is for. Packages come from uv's cache, in the versions of requirements.lock.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mlops.tools.dvc.reader import read_lock
from mlops.tools.unix_http import ask
from tests.e2e.conftest import BIN, ROOT, Workplace, make_small
from tests.e2e.test_pod import end, report_of, start
from tests.postgres import fresh_database
from tests.unit.stacks.program_inputs import ALL, SECRETS

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
UV = str(BIN / "uv")
MODEL_STAGES = ("train@late", "evaluate@late", "export@late")
SHOW = "import json, sys; import mlops; print(json.dumps([mlops.__file__, sorted(sys.modules)]))"
RENDER = """
import asyncio, json, sys
import pulumi
from mlops.tools.pulumi import run_program
from mlops.tools.pulumi_programs import find_program, importable

class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args):
        made.append(args.name)
        return args.name, args.inputs
    def call(self, args):
        return {}

made = []
name, inputs, secrets = json.load(sys.stdin)
pulumi.runtime.set_mocks(Mocks(), project=name, stack="test")
pulumi.runtime.set_all_config({f"{name}:inputs": json.dumps(inputs), f"{name}:secrets": json.dumps(secrets)})
path = find_program(name)
importable(path)
asyncio.new_event_loop().run_until_complete(pulumi.runtime.run_pulumi_func(lambda: run_program(path)))
print(json.dumps([str(path), made]))
"""


@dataclass
class Installed(Workplace):
    """A project, and an environment in which the wheel is installed with one extra."""

    python: Path

    @property
    def env(self) -> dict[str, str]:
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("MLOPS_", "PYTHON", "VIRTUAL_ENV"))
        }
        return {**kept, "PATH": f"{self.python.parent}:{os.environ['PATH']}", "NO_COLOR": "1"}

    def mlops(self, *words: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.python.parent / "mlops"), *words, code=code)

    def outputs(self, *stages: str) -> dict[str, Any]:
        lock = read_lock(self.root)
        return {name: lock[name].outs for name in stages}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist: what one of them lacks, both lack."""
    out = tmp_path_factory.mktemp("dist")
    words = [
        UV,
        "build",
        "--quiet",
        "--no-build-isolation",
        "--offline",
        "--python",
        sys.executable,
        "-o",
        str(out),
        str(ROOT),
    ]
    subprocess.run(words, check=True)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes an environment with one extra, or with none, and returns its Python."""
    home = tmp_path_factory.mktemp("environments")

    def made(extra: str) -> Path:
        folder = home / (extra or "bare")
        python = folder / "bin" / "python"
        subprocess.run([UV, "venv", "--quiet", "--python", sys.executable, str(folder)], check=True)
        need = f"mlops[{extra}] @ {wheel.as_uri()}"
        words = [UV, "pip", "install", "--quiet", "--python", str(python), "-c", str(ROOT / "requirements.lock"), need]
        if subprocess.run([*words, "--offline"], check=False, capture_output=True).returncode:
            subprocess.run(words, check=True)
        return python

    return made


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A small project that this environment has applied; its path has a space and a letter outside ASCII."""
    place = make_small(tmp_path_factory.mktemp("applied") / "a spüce")
    try:
        place.mlops("apply", "--yes")
        yield place
    finally:
        place.mlops("destroy", "--yes", code=None)


def copy(place: Workplace, to: Path, python: Path, *, built: bool = True) -> Installed:
    """The project as a clone has it, with DVC's cache and outputs; without `built`, as if nothing was ever made."""
    left_out = [".mlops", *(() if built else ("dvc.lock", "data", "models", "metrics", "plots", "cache", "tmp"))]
    shutil.copytree(place.root, to, ignore=shutil.ignore_patterns(*left_out))
    return Installed(to, python)


def test_bare_install_plans_what_the_whole_one_applied(
    applied: Workplace, install: Callable[[str], Path], tmp_path: Path
) -> None:
    place = Installed(applied.root, install(""))
    place.mlops("validate")
    place.mlops("render", "--check")
    assert "No changes" in place.mlops("plan", "--detailed-exitcode").stdout
    place.mlops("status")
    place.mlops("schema", "dataset")
    file, modules = json.loads(place.run(str(place.python), "-c", SHOW).stdout)
    assert not Path(file).is_relative_to(ROOT)
    assert "torch" not in modules


def test_extra_data_prepares_a_data_set(applied: Workplace, install: Callable[[str], Path], tmp_path: Path) -> None:
    place = copy(applied, tmp_path / "project", install("data"), built=False)
    place.mlops("apply", "--yes", "--target", "dataset.rows")
    assert place.outputs("prepare@rows") == Installed(applied.root, place.python).outputs("prepare@rows")
    place.run("dvc", "status", "prepare@rows")


def test_extra_training_trains_here_and_in_a_pod(
    applied: Workplace, install: Callable[[str], Path], tmp_path: Path
) -> None:
    place = copy(applied, tmp_path / "here" / "project", install("training"), built=False)
    place.mlops("apply", "--yes", "--target", "model.late")
    expected = Installed(applied.root, place.python).outputs(*MODEL_STAGES)
    assert place.outputs(*MODEL_STAGES) == expected
    place.run("dvc", "remote", "add", "-d", "store", "../store")
    place.run("dvc", "push", "-q", "prepare@rows")
    assert "epoch 2 of 2" in end(start(place, "pod", *MODEL_STAGES, python=str(place.python)))
    assert set(report_of(place, "pod")["stages"]) == set(MODEL_STAGES)


def test_extra_package_builds_the_same_package(
    applied: Workplace, install: Callable[[str], Path], tmp_path: Path
) -> None:
    place = copy(applied, tmp_path / "project", install("package"))
    place.mlops("apply", "--yes", "--target", "package.late")
    assert package_outputs(place) == package_outputs(applied)


def package_outputs(place: Workplace) -> Any:
    return json.loads(place.mlops("state", "pull").stdout)["records"]["package.late"]["outputs"]


def test_extra_serving_answers_requests(applied: Workplace, install: Callable[[str], Path], tmp_path: Path) -> None:
    python = install("serving")
    (config,) = sorted(applied.root.glob(".mlops/run/dev/local/**/versions/*/0.json"))
    written = json.loads(config.read_text())
    socket = tmp_path / "s"
    (tmp_path / "config.json").write_text(
        json.dumps({**written, "uds": str(socket), "log": {**written["log"], "dir": str(tmp_path / "log")}})
    )
    server = subprocess.Popen([python, "-m", "mlops.workloads.serving.server", tmp_path / "config.json"], cwd=tmp_path)
    try:
        status = until(lambda: ask(socket, "/readyz")[0] if socket.exists() else None)
        assert status == 200
    finally:
        server.terminate()
        server.wait(30)


def test_extra_monitoring_watches(applied: Workplace, install: Callable[[str], Path], tmp_path: Path) -> None:
    python = install("monitoring")
    (config,) = applied.root.glob(".mlops/run/dev/monitors/late/config.json")
    written = json.loads(config.read_text())
    changed = {
        "window": 1.0,
        "min_rows": 1,
        "out_dir": str(tmp_path / "out"),
        "baseline_dir": str(tmp_path / "baseline"),
    }
    (tmp_path / "config.json").write_text(json.dumps({**written, **changed}))
    rows = tmp_path / "rows.json"
    rows.write_text(json.dumps([{"number": 0.5, "color": "red"}] * 50))
    applied.mlops("invoke", "endpoint.late", "--rows", str(rows))
    base = [str(python), "-m"]
    subprocess.run([*base, "mlops.workloads.monitoring.baseline", tmp_path / "config.json"], cwd=tmp_path, check=True)

    def judged() -> int:
        watcher = [*base, "mlops.workloads.monitoring.watcher", str(tmp_path / "config.json"), "--once"]
        subprocess.run(watcher, cwd=tmp_path, check=True)
        status = tmp_path / "out" / "status.json"
        return json.loads(status.read_text()).get("windows", 0) if status.exists() else 0

    assert until(judged) >= 1


def test_extra_local_runs_an_endpoint(applied: Workplace, install: Callable[[str], Path], tmp_path: Path) -> None:
    place = copy(applied, tmp_path / "a spüce", install("local"))
    Workplace(place.root).mlops("apply", "--yes", "--target", "package.late")
    try:
        place.mlops("apply", "--yes", "--target", "endpoint.late")
        rows = tmp_path / "rows.json"
        rows.write_text('[{"number": 0.5, "color": "red"}]')
        assert "late" in place.mlops("invoke", "endpoint.late", "--rows", str(rows)).stdout
    finally:
        place.mlops("destroy", "--yes", "--target", "stack.local", code=None)


def test_extra_postgres_keeps_the_state(install: Callable[[str], Path], tmp_path: Path, postgres: str) -> None:
    place = Installed(tmp_path, install("postgres"))
    (tmp_path / "conf" / "value").mkdir(parents=True)
    url = fresh_database(postgres)
    (tmp_path / "conf/project.yaml").write_text(f"name: values\nstate: {{ url: '{url}' }}\n")
    (tmp_path / "conf/value/one.yaml").write_text("value: 1\n")
    place.mlops("apply", "--yes")
    assert "No changes" in place.mlops("plan").stdout


@pytest.mark.parametrize("name", sorted({program for program, _ in ALL.values()}))
def test_extra_kubernetes_runs_the_programs_of_the_wheel(kubernetes: Path, tmp_path: Path, name: str) -> None:
    inputs = next(given for program, given in ALL.values() if program == name)
    done = subprocess.run(
        [kubernetes, "-c", RENDER], cwd=tmp_path, input=json.dumps([name, inputs, SECRETS]), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    path, made = json.loads(done.stdout.splitlines()[-1])
    assert Path(path).is_relative_to(kubernetes.parents[1])
    assert (Path(path).parent / "Pulumi.yaml").is_file()
    assert len(made) > 1


@pytest.fixture(scope="module")
def kubernetes(install: Callable[[str], Path]) -> Path:
    return install("kubernetes")


def test_all_extras_make_a_live_endpoint(install: Callable[[str], Path], tmp_path: Path) -> None:
    place = Installed(make_small(tmp_path / "a spüce").root, install("all"))
    try:
        place.mlops("apply", "--yes")
        assert "No changes" in place.mlops("plan", "--detailed-exitcode").stdout
        place.mlops("doctor")
    finally:
        place.mlops("destroy", "--yes", code=None)


def until(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return what `look` gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)
    return found
