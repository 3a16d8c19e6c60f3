"""A package outside the tree brings a model family and a metric: those that docs/extending.md shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import yaml

from mlops.api import Project
from mlops.config.schema.json_schema import schemas
from mlops.errors import InvalidConfig, MlopsError
from mlops.extensions import FAMILY_SCHEMAS
from mlops.metrics.table import headlines_of, metric_named
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.columns import feature_types, read_columns
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.export import export
from mlops.workloads.training.train import train
from tests.e2e.conftest import BIN, make_small
from tests.plugins import documented, install_package, installed

pytestmark = pytest.mark.slow

SECTIONS = ("A model family", "A metric")
MODEL: dict[str, Any] = {
    "dataset": "rows",
    "task": "binary",
    "architecture": {"name": "logistic", "c": 0.5},
    "gates": ["test_auc >= 0.6", "test_specificity >= 0.5"],
}
NEVER = ("torch", "lightning", "mlops.workloads.training.families.mlp")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("site")
    names = [documented(folder, section)[1] for section in SECTIONS]
    with installed(folder, *names):
        yield folder


def declare(root: Path, **changes: Any) -> Project:
    fields = {key: value for key, value in {**MODEL, **changes}.items() if value is not None}
    (root / "conf/model/late.yaml").write_text(yaml.safe_dump(fields))
    return Project.open(root)


@pytest.fixture
def project(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one data set and one model, in the working folder."""
    make_small(tmp_path)
    for kind in ("package", "stack", "endpoint", "monitor"):
        for path in (tmp_path / "conf" / kind).iterdir():
            path.unlink()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(site))
    return tmp_path


def run_stages(root: Path, **changes: Any) -> dict[str, Any]:
    declare(root, **changes).render_params()
    prepare("rows")
    for stage in (train, evaluate, export):
        stage("late")
    metrics: dict[str, Any] = json.loads((root / "metrics/model/late.json").read_text())
    return metrics


def test_apply_trains_measures_and_judges_a_foreign_family(project: Path) -> None:
    declare(project)
    done = subprocess.run([BIN / "mlops", "apply", "--yes"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 of 3 gates" in done.stdout
    assert "epoch" not in done.stdout
    files = {path.name for path in (project / "models/late/train").iterdir()}
    assert files == {
        "features.onnx",
        "history.json",
        "network.json",
        "predictions.parquet",
        "summary.json",
        "weights.npy",
    }
    status = subprocess.run([BIN / "mlops", "status"], capture_output=True, text=True, check=True).stdout
    assert "test_specificity 0." in status
    params = json.loads((project / "params/model/late.json").read_text())
    assert "acme_logistic/work.py" in params["train"]["code"]
    assert "acme_specificity/work.py" in params["evaluate"]["code"]
    plan = subprocess.run(
        [BIN / "mlops", "plan", "model.late.architecture.c=2"], capture_output=True, text=True, check=True
    )
    assert "(last time" in plan.stdout
    assert "epoch" not in plan.stdout


def test_missed_gate_on_a_foreign_metric_fails_the_apply(project: Path) -> None:
    declare(project, gates=["test_specificity >= 0.9999"])
    done = subprocess.run([BIN / "mlops", "apply", "--yes"], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 6, done.stdout + done.stderr
    assert "gate missed" in done.stderr


@pytest.mark.parametrize(("task", "sql", "least"), [
    ("binary", None, {"test_auc": 0.8, "test_specificity": 0.5}),
    ("multiclass", "SELECT number, color, CASE WHEN number > 1 THEN 'a' WHEN late THEN 'b' ELSE 'c' END AS late FROM rows",
     {"test_accuracy": 0.6}),
])  # fmt: skip
def test_exported_file_predicts_what_a_foreign_family_predicts(
    project: Path, task: str, sql: str | None, least: dict[str, float]
) -> None:
    if sql:
        path = project / "conf/dataset/rows.yaml"
        path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "sql": sql}))
    metrics = run_stages(project, task=task, gates=None)
    assert all(metrics[name] >= value for name, value in least.items())
    schema = json.loads(Path("data/rows/schema.json").read_text())
    columns = read_columns(Path("data/rows/test.parquet"), feature_types(schema))
    session = onnxruntime.InferenceSession("models/late/export/model.onnx", providers=["CPUExecutionProvider"])
    golden = json.loads(Path("models/late/export/golden.json").read_text())
    predicted = session.run(None, columns)[0]
    assert len(predicted) == len(columns["number"])
    assert len(golden["predictions"]) == 64
    assert np.asarray(golden["predictions"]).shape[1:] == predicted.shape[1:]
    assert not Path("plots/model/late/loss.json").exists()
    first = {path: path.read_bytes() for path in Path("models/late").rglob("*") if path.is_file()}
    for stage in (train, export):
        stage("late")
    assert {path: path.read_bytes() for path in first} == first


def test_stages_of_a_foreign_family_import_no_torch(project: Path) -> None:
    declare(project).render_params()
    prepare("rows")
    code = (
        "import sys\nfrom mlops.workloads.training import evaluate, export, train\n"
        "train.train('late')\nevaluate.evaluate('late')\nexport.export('late')\n"
        f"print(sorted(set({NEVER!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=dict(os.environ)
    )
    assert done.stdout.splitlines()[-1:] == ["[]"], done.stderr


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"optimizer": {"lr": 0.1}}, "`optimizer`: the family `logistic` does not read it"),
        ({"loss": {"name": "bce"}}, "`loss`: the family `logistic` does not read it"),
        ({"trainer": {"max_epochs": 3}}, "`trainer.max_epochs`: the family `logistic` does not read it"),
        ({"task": "regression", "gates": None}, "`task`: the family `logistic` cannot do `regression`"),
        ({"architecture": {"name": "logistic", "c": -1}}, "`architecture.c` must be more than 0"),
        ({"architecture": {"name": "logistik"}}, "Did you mean `logistic`?"),
        ({"gates": ["test_specifity >= 0.5"]}, "Did you mean `test_specificity`?"),
        ({"task": "multiclass", "gates": ["test_specificity >= 0.5"]}, "is no metric of task `multiclass`"),
    ],
)
def test_model_that_does_not_fit_its_family_is_an_error_with_its_line(
    project: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        declare(project, **changes)
    problems = [f"{problem.detail} {problem.hint or ''}" for problem in raised.value.problems]
    assert any(said in problem for problem in problems), problems
    assert all(problem.source and problem.source.file == "conf/model/late.yaml" and problem.source.line
               for problem in raised.value.problems)  # fmt: skip


def test_family_reads_the_one_field_that_it_names(project: Path) -> None:
    assert declare(project, trainer={"seed": 3}).plan().changes


def test_schema_for_editors_lists_a_foreign_family(site: Path) -> None:
    assert "Logistic" in schemas()["model"]["$defs"]
    listed = set(schemas()["model"]["properties"]["architecture"]["discriminator"]["mapping"])
    assert listed == {*FAMILY_SCHEMAS.own_names(), "logistic"}


def test_table_knows_a_foreign_metric(site: Path) -> None:
    assert [metric.name for metric in headlines_of(Task.BINARY)] == ["auc", "accuracy", "specificity"]
    assert metric_named("specificity").is_worse(Task.BINARY, before=0.8, now=0.6)


BAD = """\
from mlops.config.schema.families.family import FamilySpec
from mlops.metrics.metric import Direction, Metric
from mlops.metrics.task import Task

class Spec(FamilySpec): pass
class NoSpec: pass
class NoFamily: pass
OTHER = Metric("other", frozenset(Task), Direction.MAX, "acme_bad:nothing")
MISSING = Metric("bad", frozenset(Task), Direction.MAX, "acme_bad:nothing")
"""


@pytest.mark.parametrize(
    ("groups", "changes", "detail"),
    [
        ({"families.schema": "NoSpec"}, {"architecture": {"name": "bad"}}, "no subclass of"),
        ({"families.schema": "Spec", "families": "NoFamily"}, {"architecture": {"name": "bad"}}, "no subclass of"),
        ({"families.schema": "Spec"}, {"architecture": {"name": "bad"}}, "`bad` is not a model family"),
        ({"metrics": "OTHER"}, {}, "called `bad`"),
        ({"metrics": "MISSING"}, {}, "`acme_bad:nothing`, which cannot be imported"),
    ],
)
def test_entry_that_does_not_fit_is_named(
    project: Path,
    tmp_path_factory: pytest.TempPathFactory,
    groups: dict[str, str],
    changes: dict[str, Any],
    detail: str,
) -> None:
    entry_points = {f"mlops.{group}": {"bad": f"acme_bad:{value}"} for group, value in groups.items()}
    folder = install_package(tmp_path_factory.mktemp("bad"), "acme_bad", {"acme_bad.py": BAD}, entry_points)
    with installed(folder, "acme_bad"), pytest.raises(MlopsError, match=detail):
        run_stages(project, gates=["test_auc >= 0.1"], **changes)
