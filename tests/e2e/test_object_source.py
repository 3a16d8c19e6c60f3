"""A data set from an object store: what a plan says while it is missing, and when it moved."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, Workplace, _git, write_rows
from tests.object_stores import KEY, s3

DATASET = """\
sources:
  rows:
    uri: s3://bucket/raw/*.csv
    endpoint: ENDPOINT
    access_key: ${secret:S3_ID}
    secret_key: ${secret:S3_KEY}
features: { numeric: [number] }
split: { by: random, val: 10%, test: 20% }
"""


@pytest.mark.slow
@pytest.mark.e2e
def test_plan_refuses_missing_objects_and_shows_moved_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("S3_ID", "key-of-the-tests")
    monkeypatch.setenv("S3_KEY", KEY)
    root = tmp_path / "project"
    for name in ("dvc.yaml", ".dvc/config", ".dvcignore", ".gitignore"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    shutil.copytree(ROOT / "pipelines", root / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    with s3() as store:
        for name, text in {
            "conf/project.yaml": "name: objects\n", "conf/dataset/rows.yaml": DATASET.replace("ENDPOINT", store.endpoint),
        }.items():  # fmt: skip
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        _git(root)
        place = Workplace(root)
        refused = place.mlops("plan", code=3).stderr
        assert "source not found" in refused
        assert "`s3://bucket/raw/*.csv` matches nothing in the bucket bucket of" in refused
        assert "conf/dataset/rows.yaml:3" in refused
        for n, seed in enumerate((7, 8)):
            write_rows(tmp_path / "rows.csv", 200, seed)
            store.put(f"raw/{n}.csv", (tmp_path / "rows.csv").read_bytes())
        place.mlops("apply", "--yes")
        assert place.words() == {}
        store.delete("raw/1.csv")
        assert place.words() == {"dataset.rows": ("run", "REPROCESS")}
        place.mlops("apply", "--yes")
        assert place.words() == {}
    held = [path for path in root.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert held == []
    unreachable = place.mlops("plan", code=3).stderr
    assert "source cannot be reached" in unreachable
