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
import tomllib
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
import json, sys
from mlops.tools.pulumi_programs import find_program
from rendered import render

for program, inputs, secrets in json.load(sys.stdin):
    made = render(program, inputs, secrets)
    print(json.dumps([str(find_program(program)), sorted(made.objects)]))
"""
NOTEBOOK = """
import pandas
from mlops.api import Project

project = Project.open()
frame = project.data("rows", split="test").to_pandas().head(20)
answers = [asked.predict(frame) for asked in (project.model("late"), project.endpoint("late"))]
pandas.testing.assert_frame_equal(*answers)
print(list(answers[0].columns), "No changes" in project.plan()._repr_html_(), repr(project.apply()))
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
        compiled = self.python.parents[2] / "compiled"
        return {
            **kept, "PATH": f"{self.python.parent}:{os.environ['PATH']}", "NO_COLOR": "1",
            "PYTHONPYCACHEPREFIX": str(compiled),
        }  # fmt: skip

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
    """Makes the environment anew with one extra, or with none, and returns its Python. It is always the same folder, so that
    what one has compiled (torch takes a minute) serves the next."""
    home = tmp_path_factory.mktemp("installed")
    folder = home / "environment"

    def made(extra: str) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
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
    new = copy(applied, tmp_path / "new", place.python, built=False)
    install_data = 'Install them: pip install "mlops[data]"'
    assert install_data in new.mlops("plan").stdout
    assert install_data in new.mlops("apply", "--yes", code=1).stderr
    assert install_data.removeprefix("Install them: ") in new.mlops("doctor", code=1).stdout
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
    outputs = json.loads(place.mlops("state", "pull").stdout)["records"]["package.late"]["outputs"]
    return {name: value for name, value in outputs.items() if name != "bento"}


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


def test_extra_notebook_predicts_frames(applied: Workplace, install: Callable[[str], Path]) -> None:
    place = Installed(applied.root, install("notebook"))
    shown = place.run(str(place.python), "-W", "error", "-c", NOTEBOOK).stdout
    assert shown == "['probability', 'late'] True Nothing to apply. The world matches conf/.\n"


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
    base = [str(python), "-m"]
    subprocess.run([*base, "mlops.workloads.monitoring.baseline", tmp_path / "config.json"], cwd=tmp_path, check=True)

    def judged() -> int:
        applied.mlops("invoke", "endpoint.late", "--rows", str(rows))
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


def test_extra_kubernetes_runs_the_programs_of_the_wheel(install: Callable[[str], Path], tmp_path: Path) -> None:
    python = install("kubernetes")
    shutil.copy(ROOT / "tests" / "rendered.py", tmp_path)
    asked = [(program, inputs, SECRETS) for program, inputs in dict(ALL.values()).items()]
    done = subprocess.run(
        [python, "-c", RENDER], cwd=tmp_path, input=json.dumps(asked), capture_output=True, text=True, check=False, timeout=120
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for path, objects in map(json.loads, done.stdout.splitlines()):
        assert Path(path).is_relative_to(python.parents[1])
        assert (Path(path).parent / "Pulumi.yaml").is_file()
        assert len(objects) > 1
    assert len(done.stdout.splitlines()) == len(asked)


SOURCES = {
    "source-postgres": ["postgres_scanner"],
    "source-mysql": ["mysql_scanner"],
    "source-sqlite": ["sqlite_scanner"],
    "source-iceberg": ["avro", "iceberg"],
    "source-delta": ["delta"],
    "source-excel": ["excel"],
}


@pytest.mark.parametrize("extra", SOURCES)
def test_extra_of_a_source_has_what_opens_it(install: Callable[[str], Path], tmp_path: Path, extra: str) -> None:
    code = "import sys; from mlops.workloads.data import duckdb_extensions as d; d.open_with_extensions(*sys.argv[1:])"
    subprocess.run([install(extra), "-c", code, *SOURCES[extra]], cwd=tmp_path, check=True)


@pytest.mark.parametrize(
    ("extra", "module"),
    [
        ("source-objects", "obstore"),
        ("storage-s3", "dvc_s3"),
        ("notebook", "IPython, mlops.api.notebook.frames"),
        ("tuning", "lightning, optuna, cmaes"),
        ("mlflow", "mlflow, mlops.workloads.publish_to_mlflow"),
        ("tracing", "mlops.workloads.serving.tracing"),
        ("grpc", "grpc.aio, mlops.workloads.serving.grpc_server, mlops.workloads.serving.inference_messages"),
    ],
)
def test_extra_brings_what_is_imported_of_it(
    install: Callable[[str], Path], tmp_path: Path, extra: str, module: str
) -> None:
    subprocess.run([install(extra), "-c", f"import {module}"], cwd=tmp_path, check=True)


def test_every_extra_is_tested_alone() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    tested = {"data", "training", "package", "serving", "monitoring", "local", "postgres", "kubernetes", "all"}
    several = {"sources", "reference", "dev"}
    assert (
        set(declared)
        == tested
        | {*SOURCES, "source-objects", "storage-s3", "notebook", "tuning", "mlflow", "tracing", "grpc"}
        | several
    )


def test_all_extras_make_a_live_endpoint(install: Callable[[str], Path], tmp_path: Path) -> None:
    place = Installed(make_small(tmp_path / "a spüce").root, install("all"))
    try:
        place.mlops("apply", "--yes")
        assert "No changes" in place.mlops("plan", "--detailed-exitcode").stdout
        assert "✗" not in place.mlops("doctor").stdout
    finally:
        place.mlops("destroy", "--yes", code=None)


def until(look: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Return what `look` gives once it is true."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.2)
    return found
