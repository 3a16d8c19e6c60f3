"""Put a version of a model into an MLflow registry.

Lives here: the program that `mlops publish` runs, and publish.
Not here: which version, and its files (api.publish).
Law: a version is published once: what has its digest already only gets the names that it has now.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.models import Model

DIGEST_TAG = "mlops.digest"
_LONGEST = 500
"""Characters of a parameter's value that every version of MLflow takes."""


def publish(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the version that MLflow gave, and whether it was made now. `asked`: uri, model, digest, params, metrics, tags,
    aliases, description, folder."""
    client = MlflowClient(tracking_uri=asked["uri"], registry_uri=asked["uri"])
    name, tags = asked["model"], {DIGEST_TAG: asked["digest"], **asked["tags"]}
    _registered(client, name, asked["description"])
    known = next(
        (one for one in client.search_model_versions(f"name='{name}'") if one.tags.get(DIGEST_TAG) == asked["digest"]),
        None,
    )
    version = known or _made(client, asked, tags)
    for alias in asked["aliases"]:
        client.set_registered_model_alias(name, alias, version.version)
    return {"version": str(version.version), "is_new": known is None, "run": version.run_id}


def _registered(client: MlflowClient, name: str, description: str) -> None:
    try:
        client.get_registered_model(name)
    except MlflowException:
        client.create_registered_model(name, description=description or None)


def _made(client: MlflowClient, asked: Mapping[str, Any], tags: Mapping[str, str]) -> Any:
    name = asked["model"]
    found = client.get_experiment_by_name(f"mlops/{name}")
    experiment = found.experiment_id if found else client.create_experiment(f"mlops/{name}")
    run = client.create_run(experiment, tags=dict(tags), run_name=asked["digest"][:8]).info
    for key, value in asked["params"].items():
        client.log_param(run.run_id, key, str(value)[:_LONGEST])
    for key, value in asked["metrics"].items():
        client.log_metric(run.run_id, key, value)
    folder = Path(asked["folder"])
    described = Model(artifact_path="model", run_id=run.run_id)
    described.add_flavor("onnx", onnx_version=onnx.__version__, data="model.onnx", providers=["CPUExecutionProvider"])
    described.add_flavor("python_function", loader_module="mlflow.onnx", data="model.onnx")
    described.save(str(folder / "MLmodel"))
    client.log_artifacts(run.run_id, str(folder), "model")
    client.set_terminated(run.run_id)
    source = f"{run.artifact_uri}/model"
    return client.create_model_version(
        name, source=source, run_id=run.run_id, tags=dict(tags), description=asked["summary"] or None
    )


def main() -> None:
    path = Path(sys.argv[1])
    try:
        answer = publish(json.loads(path.read_text()))
    except (MlflowException, OSError) as error:
        sys.exit(f"MLflow refused: {error}")
    path.with_name("answer.json").write_text(json.dumps(answer))


if __name__ == "__main__":
    main()
