"""What `evaluate` writes, on a small project."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest

from mlops.address import Address
from mlops.api.report import write_report
from mlops.errors import MlopsError
from mlops.kinds.staged.gates import judge_gates, judged_gates
from mlops.metrics.baseline import comparison
from mlops.metrics.table import metric_named
from mlops.metrics.task import Task
from mlops.workloads.data.prepare import prepare
from mlops.workloads.features.columns import read_columns
from mlops.workloads.metrics.intervals import intervals_of
from mlops.workloads.metrics.measure import compute
from mlops.workloads.training.data import PreparedData
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.evaluation.weak_slices import weak_slices
from mlops.workloads.training.export import export
from mlops.workloads.training.report.page import EvaluationReport, report_page
from mlops.workloads.training.report.write import read_report
from mlops.workloads.training.rescore import rescore
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_dataset, say_model

LABELS = {"binary": "late", "multiclass": "grade", "regression": "delay"}


def say_evaluation(root: Path, **section: Any) -> None:
    """Change what evaluation and export of the model `m` read."""
    path = root / "params/model/m.json"
    sections = json.loads(path.read_text())
    deciding = {key: value for key, value in section.items() if key in ("threshold", "calibration")}
    sections["evaluate"] |= section
    sections["export"] |= deciding
    path.write_text(json.dumps(sections))


def metrics_of_model(root: Path) -> dict[str, Any]:
    evaluate("m")
    metrics: dict[str, Any] = json.loads((root / "metrics/model/m.json").read_text())
    return metrics


@pytest.fixture
def trained(project: Path) -> Path:
    say_model(project, "m", task="binary", optimizer={"lr": 1e-2})
    prepare("rows")
    train("m")
    return project


@pytest.mark.parametrize("task", LABELS)
def test_evaluation_holds_intervals_and_both_baselines(project: Path, task: str) -> None:
    say_dataset(project, label=LABELS[task])
    say_model(project, "m", task=task, optimizer={"lr": 1e-2})
    prepare("rows")
    train("m")
    metrics = metrics_of_model(project)
    (name,) = (gate.split()[0] for gate in judged_gates({"task": task}))
    low, high = metrics["intervals"][name]
    assert low < metrics[name] < high
    assert metrics["baselines"]["trivial"][name] < metrics["baselines"]["linear"][name]
    assert judge_gates(judged_gates({"task": task}), metrics, None)[0].holds
    red = metrics["slices"]["color"]["red"]
    bare = name.removeprefix("test_")
    assert red["intervals"][bare][0] < red[bare] < red["intervals"][bare][1]
    assert high - low < red["intervals"][bare][1] - red["intervals"][bare][0]


def test_equal_models_have_equal_evaluations(trained: Path) -> None:
    evaluate("m")
    written = [trained / "metrics/model/m.json", *sorted((trained / "plots/model/m").iterdir())]
    first = {path: path.read_bytes() for path in written}
    evaluate("m")
    assert {path: path.read_bytes() for path in written} == first


def test_model_that_knows_nothing_does_not_pass_the_default_gate(project: Path) -> None:
    rows = (project / "rows.csv").read_text().splitlines()
    labels = [line.rsplit(",", 3)[1] for line in rows[1:]]
    np.random.default_rng(0).shuffle(labels)
    mixed = [rows[0]]
    for line, label in zip(rows[1:], labels, strict=True):
        front, _, grade, delay = line.rsplit(",", 3)
        mixed.append(f"{front},{label},{grade},{delay}")
    (project / "rows.csv").write_text("\n".join(mixed) + "\n")
    say_dataset(project, label="grade")
    say_model(project, "m", task="multiclass", optimizer={"lr": 1e-9}, trainer={"max_epochs": 1, "batch_size": 512})
    prepare("rows")
    train("m")
    metrics = metrics_of_model(project)
    (verdict,) = judge_gates(judged_gates({"task": "multiclass"}), metrics, None)
    assert not verdict.holds
    assert verdict.words.startswith("test_accuracy > trivial: ")
    assert not judged_gates({"task": "multiclass", "baseline_gate": False})


def test_threshold_decides_metrics_and_contract_and_trains_nothing(trained: Path) -> None:
    before = metrics_of_model(trained)
    weights = {path: path.read_bytes() for path in (trained / "models/m/train").iterdir()}
    say_evaluation(trained, threshold={"by": "cost", "false_negative": 9})
    metrics = metrics_of_model(trained)
    export("m")
    contract = json.loads((trained / "models/m/export/contract.json").read_text())
    assert contract["threshold"] == metrics["threshold"] < 0.5
    assert metrics["test_recall"] > before["test_recall"]
    assert metrics["test_auc"] == before["test_auc"]
    assert {path: path.read_bytes() for path in (trained / "models/m/train").iterdir()} == weights
    assert rescore(trained / "models/m/export", "rows")["test_recall"] == pytest.approx(metrics["test_recall"])


def test_calibration_is_measured_and_served_inside_the_graph(trained: Path) -> None:
    before = metrics_of_model(trained)
    export("m")
    raw = (trained / "models/m/export/contract.json").read_bytes()
    say_evaluation(trained, calibration="platt")
    metrics = metrics_of_model(trained)
    export("m")
    assert metrics["test_log_loss"] != before["test_log_loss"]
    assert metrics["test_auc"] == pytest.approx(before["test_auc"])
    assert (trained / "models/m/export/contract.json").read_bytes() == raw
    contract = json.loads(raw)
    session = onnxruntime.InferenceSession(
        str(trained / "models/m/export/model.onnx"), providers=["CPUExecutionProvider"]
    )
    columns = {column["name"]: column["type"] for column in contract["columns"]}
    served = session.run(None, read_columns(trained / "data/rows/test.parquet", columns))[0]
    golden = json.loads((trained / "models/m/export/golden.json").read_text())
    assert set(np.round(golden["predictions"], 4)) <= set(np.round(served.astype(float), 4))
    assert rescore(trained / "models/m/export", "rows")["test_log_loss"] == pytest.approx(metrics["test_log_loss"])


def test_metric_of_the_project_is_measured_with_its_interval(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (trained / "money.py").write_text(
        "def lost(truth, predicted, threshold):\n    return float(((predicted >= threshold) != truth).mean() * 100)\n"
    )
    monkeypatch.syspath_prepend(trained)
    say_evaluation(trained, metrics={"lost": {"_target_": "money.lost", "better": "min"}}, threshold=0.4)
    metrics = metrics_of_model(trained)
    assert metrics["test_lost"] == pytest.approx(100 * (1 - metrics["test_accuracy"]))
    low, high = metrics["intervals"]["test_lost"]
    assert low < metrics["test_lost"] < high
    assert "lost" in metrics["slices"]["color"]["red"]
    (verdict,) = judge_gates(["test_lost.high <= 90"], metrics, None)
    assert verdict.holds


def test_interval_holds_the_true_value_nineteen_times_of_twenty() -> None:
    chance, auc = np.random.default_rng(2), metric_named("auc")
    inside = 0
    for _ in range(60):
        truth = (chance.random(400) < 0.3).astype(float)
        predicted = truth + chance.normal(0, 1, 400)  # AUC of two normal distributions one deviation apart: 0.7602
        values = {"auc": compute(auc, truth, predicted)}
        low, high = intervals_of([auc], truth, predicted, values)["auc"]
        inside += low < 0.7602 < high
    assert 53 <= inside <= 60


def test_interval_of_many_rows_is_drawn_from_a_part_and_as_narrow() -> None:
    chance, accuracy = np.random.default_rng(2), metric_named("accuracy")
    truth = (chance.random(300_000) < 0.5).astype(np.float32)
    predicted = np.where(chance.random(300_000) < 0.9, truth, 1 - truth)
    value = compute(accuracy, truth, predicted)
    low, high = intervals_of([accuracy], truth, predicted, {"accuracy": value})["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.09 / 300_000), rel=0.2)


def test_few_rows_have_no_interval() -> None:
    assert intervals_of([metric_named("accuracy")], np.ones(9), np.ones(9), {"accuracy": 1.0}) == {}
    assert Task.BINARY in metric_named("accuracy").tasks


def plots_of_model(root: Path) -> dict[str, Any]:
    evaluate("m")
    return {path.stem: json.loads(path.read_text()) for path in (root / "plots/model/m").iterdir()}


def test_column_that_decides_matters_most_and_noise_does_not(trained: Path) -> None:
    importance = plots_of_model(trained)["importance"]
    assert [item["column"] for item in importance][:2] == ["number", "color"]
    assert importance[0]["worse_by"] > 0.1
    assert abs(next(item["worse_by"] for item in importance if item["column"] == "hour")) < 0.05


def test_confusion_counts_every_row_and_worst_rows_begin_with_the_worst(trained: Path) -> None:
    plots = plots_of_model(trained)
    rows = PreparedData.open("rows").raw("test").num_rows
    assert sum(cell["rows"] for cell in plots["confusion"]) == rows
    assert sum(bin_["rows"] for bin_ in plots["calibration"]) == rows
    losses = [row["loss"] for row in plots["worst_rows"]]
    assert losses == sorted(losses, reverse=True)
    assert set(plots["worst_rows"][0]) == {"row", "actual", "predicted", "probability", "loss"}


def test_search_finds_the_rows_that_are_worse() -> None:
    chance = np.random.default_rng(1)
    rows = 5000
    color, size = chance.choice(["red", "green", "blue"], rows), chance.normal(0, 1, rows)
    losses = chance.random(rows) + 2 * ((color == "red") & (size > 0.7))
    table = pa.table({"color": color, "size": size, "noise": chance.normal(0, 1, rows)})
    found = weak_slices(table, {"color": "string", "size": "float", "noise": "float"}, losses)
    assert found[0]["where"].startswith("color is red and size from 0.6")
    assert found[0]["rows"] > 300
    assert found[0]["all"] < found[0]["low"] < found[0]["loss"] < found[0]["high"]
    assert not any("noise" in slice_["where"] for slice_ in found[:3])


def test_search_names_missing_values_and_needs_support() -> None:
    values = pa.array([None] * 40 + [float(at) for at in range(960)])
    losses = np.concatenate([np.full(40, 3.0), np.ones(960)])
    (found,) = weak_slices(pa.table({"age": values}), {"age": "float"}, losses)
    assert found["where"] == "age is missing"
    assert not weak_slices(pa.table({"age": values[30:]}), {"age": "float"}, losses[30:])


def test_report_is_one_page_that_asks_no_network(trained: Path) -> None:
    evaluate("m")
    page = report_page(read_report("m"))
    assert "<h2>Where it is bad</h2>" in page or "<h2>What it leans on</h2>" in page
    assert "linear baseline" in page
    assert "Worst rows" in page
    outside = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert not re.search(r"(src|href|url)\s*[=(]", outside)
    assert outside.count("<script") == 0
    assert page == report_page(read_report("m"))


def test_text_of_data_ends_no_script_and_opens_no_tag(trained: Path) -> None:
    report = report_of_plots({"weak_slices": [
        {"where": "color is </script><b>", "rows": 40, "loss": 1.0, "low": 0.9, "high": 1.1, "all": 0.5}
    ]})  # fmt: skip
    page = report_page(report)
    assert "</script><b>" not in page
    assert "<b>" not in page


def report_of_plots(plots: dict[str, Any]) -> EvaluationReport:
    metrics = {"test_auc": 0.5, "val_auc": 0.5, "slices": {"color": {"<b>": {"rows": 3, "auc": 0.4}}}}
    return EvaluationReport("m", Task.BINARY, "rows", {"test": 40}, metrics, plots)


def test_model_that_is_worse_than_a_linear_one_is_said_to_be() -> None:
    metrics = {"test_auc": 0.7, "baselines": {"trivial": {"test_auc": 0.5}, "linear": {"test_auc": 0.72}}}
    (trivial, is_bad), (linear, is_worse) = comparison(Task.BINARY, metrics)
    assert (is_bad, is_worse) == (False, True)
    assert trivial == "test_auc 0.700 is better than the 0.500 of answering the same for every row."
    assert linear.startswith("test_auc 0.700 is worse than the 0.720 of a linear model on the same features")


def test_program_writes_the_report_and_refuses_what_has_none(trained: Path) -> None:
    evaluate("m")
    write_report(trained, Address("model", "m"), trained / "m.html")
    assert (trained / "m.html").read_text() == report_page(read_report("m"))
    for kind, name, words in (("package", "m", "a model has"), ("model", "other", "is not there")):
        with pytest.raises(MlopsError, match=words):
            write_report(trained, Address(kind, name), trained / "other.html")
