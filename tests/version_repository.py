"""A git repository whose commits hold versions of a model, as `dvc.lock` says them, and tags that name them."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.small_project import write_files

ANN = {
    "GIT_AUTHOR_NAME": "Ann", "GIT_AUTHOR_EMAIL": "ann@example.com", "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
}  # fmt: skip


def lock_text(digest: str, *, data: str = "d1", model: str = "late", **trained: Any) -> str:
    """Return a dvc.lock, as JSON, which YAML holds, in which `model` has an export of this digest."""
    params = {f"params/model/{model}.json": {"train": {"dataset": "rows", "task": "binary", **trained}}}
    data_dep = {"path": "data/rows", "md5": data}
    stages = {
        f"train@{model}": {"cmd": "x", "deps": [data_dep], "params": params, "outs": [{"path": f"models/{model}/train", "md5": "t"}]},
        f"evaluate@{model}": {"cmd": "x", "outs": [{"path": f"metrics/model/{model}.json", "md5": "m"}]},
        f"export@{model}": {"cmd": "x", "outs": [{"path": f"models/{model}/export", "md5": digest}]},
    }  # fmt: skip
    return json.dumps({"schema": "2.0", "stages": stages})


def metrics_text(auc: float, *, low: float, high: float, **more: float) -> str:
    baselines = {"trivial": {"test_auc": 0.5}}
    return json.dumps({"test_auc": auc, "intervals": {"test_auc": [low, high]}, "baselines": baselines, **more})


class VersionRepository:
    """`root`: the project's folder; `top`: that of the repository, where it is another."""

    def __init__(self, root: Path, *, top: Path | None = None) -> None:
        self.root, self.top = root, top or root
        root.mkdir(parents=True, exist_ok=True)
        self.day = 0
        self.git("init", "-q", "-b", "main", str(self.top))

    def git(self, *words: str) -> str:
        """Each call is a day later than the one before it."""
        self.day += 1
        at = f"2026-01-{self.day:02d}T12:00:00+0000"
        env = {**os.environ, **ANN, "GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
        done = subprocess.run(["git", *words], cwd=self.root, env=env, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, message: str, files: Mapping[str, str]) -> str:
        write_files(self.root, files)
        self.git("add", *files)
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def version(self, digest: str, *, auc: float = 0.9, **said: Any) -> str:
        """Commit a version of the model `late`, and return the commit."""
        measured = metrics_text(auc, low=auc - 0.01, high=auc + 0.01)
        files = {"dvc.lock": lock_text(digest, **said), "metrics/model/late.json": measured}
        return self.commit(f"Train {digest}", files)

    def tag(self, name: str, commit: str = "HEAD", message: str = "better") -> None:
        self.git("tag", "--annotate", "--message", message, name, commit)
