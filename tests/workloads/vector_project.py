"""The whole life of a model in this process: trained, exported, served, golden-checked and watched."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from mlops.contracts.codec import convert
from mlops.contracts.watcher import WatcherConfig
from mlops.workloads.monitoring.baseline import write_baseline
from mlops.workloads.monitoring.watcher import Watcher
from mlops.workloads.serving.answer import read_predictions
from mlops.workloads.serving.app import Application
from mlops.workloads.serving.probe import worst_of
from mlops.workloads.training.evaluate import evaluate
from mlops.workloads.training.export import export
from mlops.workloads.training.train import train
from tests.workloads.conftest import say_model

API = {"max_rows": 1000, "gather": True, "threshold": 0.5, "threads": 1}


class ModelLife:
    """A model of a prepared project; `m` is its name."""

    def __init__(self, project: Path) -> None:
        self.project = project
        self.export_folder = project / "models/m/export"

    def make(self, **model: Any) -> dict[str, Any]:
        """Run the three stages and return the metrics. `export` itself compares the graph with training."""
        say_model(self.project, "m", **model)
        params = json.loads((self.project / "params/model/m.json").read_text())
        params["evaluate"]["slices"] = model.pop("slices", [])
        (self.project / "params/model/m.json").write_text(json.dumps(params))
        self.run("m")
        metrics: dict[str, Any] = json.loads((self.project / "metrics/model/m.json").read_text())
        return metrics

    @staticmethod
    def run(name: str) -> None:
        for stage in (train, evaluate, export):
            stage(name)

    @property
    def contract(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.export_folder / "contract.json").read_text())
        return read

    @property
    def golden(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.export_folder / "golden.json").read_text())
        return read

    def application(self) -> Application:
        """Return the application, which refuses to start where the golden rows are answered otherwise."""
        (self.export_folder / "api.json").write_text(json.dumps(API))
        return Application(self.export_folder, "v1")

    def ask(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.application())
            async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
                return await client.post(path, json=body)

        return asyncio.run(once())

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        answer = self.ask(path, body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def feedback(self, body: Mapping[str, Any]) -> int:
        return self.ask("/feedback", body).status_code

    def golden_difference(self) -> float:
        """Return how far the answer to the golden rows is from what training predicted, as a probe would see it."""
        answer = self.post("/predict", {"rows": self.golden["rows"]})
        return worst_of(read_predictions(answer, self.contract), self.golden["predictions"])

    def watch(self, rows: list[dict[str, Any]], labels: list[Any], *, metrics: Mapping[str, float]) -> dict[str, Any]:
        """Return the watcher's status after a window of these rows with their late labels."""
        folder = self.project / "monitor"
        start = (time.time() // 10) * 10 - 100
        config = convert(WatcherConfig, {
            "monitor": "monitor.m", "log_dir": str(folder / "log"), "baseline_dir": str(folder / "baseline"),
            "out_dir": str(folder / "out"), "window": 10, "min_rows": 50, "drift": {}, "on_finding": "propose",
            "contract": str(self.export_folder / "contract.json"), "schema": str(self.project / "data/rows/schema.json"),
            "profile": "", "baseline_digest": "b", "metrics": dict(metrics),
        })  # fmt: skip
        write_baseline(config)
        answers = self.post("/predict", {"rows": rows})["predictions"]
        lines: list[dict[str, Any]] = []
        for index, (row, answer) in enumerate(zip(rows, answers, strict=True)):
            at = start + index * 0.001
            lines.append({"t": at, "v": "v1", "id": f"r{index}", "q": row, "a": {"predictions": [answer]}})
            lines.append({"t": at, "f": {"id": f"r{index}", "label": labels[index]}})
        (folder / "log").mkdir(parents=True)
        (folder / f"log/v1-1-{int(start * 1e9)}.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
        assert Watcher(config).tick(start + 60)
        status: dict[str, Any] = json.loads((folder / "out/status.json").read_text())
        return {**status, "findings": [path.name for path in (folder / "out/findings").glob("*.json")]}

    def baseline(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads((self.project / "monitor/baseline/baseline.json").read_text())
        return read


def raw_rows(project: Path, split: str, columns: list[str], *, count: int) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    table = pq.read_table(project / f"data/rows/{split}.parquet", columns=columns)
    chosen = np.linspace(0, table.num_rows - 1, count).astype(int)
    rows: list[dict[str, Any]] = table.take(chosen).to_pylist()
    return rows
