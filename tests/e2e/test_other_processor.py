"""A clone on another kind of processor, whose products of matrices round otherwise: stood for here by MKL's other kernels."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import Workplace, make_small

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

COMMIT = ("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "made")
MODELS = {
    "late": "architecture: {name: mlp, hidden: [16]}\ntrainer: {max_epochs: 2, batch_size: 64}\n",
    "trees": "architecture: {name: boosted_trees, trees: 10}\n",
    "both": "architecture: {name: ensemble, of: [late, trees]}\n",
}


class OtherProcessor(Workplace):
    @property
    def env(self) -> dict[str, str]:
        return {**super().env, "MKL_CBWR": "COMPATIBLE"}

    def changed_files(self) -> str:
        return self.run("git", "status", "--porcelain").stdout


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    place = make_small(tmp_path_factory.mktemp("first") / "project")
    for kind in ("package", "stack", "endpoint", "monitor"):
        for path in (place.root / "conf" / kind).iterdir():
            path.unlink()
    for name, text in MODELS.items():
        (place.root / f"conf/model/{name}.yaml").write_text(f"dataset: rows\ntask: binary\n{text}")
    place.mlops("apply", "--yes")
    place.run("git", "add", "-A")
    place.run(*COMMIT)
    return place


def test_apply_on_another_processor_changes_tracked_files_for_a_change_alone(
    committed: Workplace, tmp_path: Path
) -> None:
    subprocess.run(["git", "clone", "-q", committed.root, tmp_path / "clone"], check=True)
    clone = OtherProcessor(tmp_path / "clone")
    done = clone.mlops("apply", "--yes")
    assert done.stdout.count("the version that dvc.lock pins, with other bits (test_auc 0.") == 2, done.stdout
    weights = [place.root / "models/late/export/model.onnx" for place in (committed, clone)]
    assert weights[0].read_bytes() != weights[1].read_bytes()
    assert clone.changed_files() == ""
    assert set(json.loads((clone.root / ".mlops/remade.json").read_text())["stages"]) >= {"train@late", "export@both"}
    assert "No changes" in clone.mlops("plan").stdout
    assert "No changes" in Workplace(clone.root).mlops("plan").stdout
    (clone.root / "models/late/export/model.onnx").unlink()
    shutil.rmtree(clone.root / "models/both")
    clone.mlops("apply", "--yes")
    assert clone.changed_files() == ""
    assert "No changes" in clone.mlops("plan").stdout
    clone.edit("conf/model/late.yaml", "max_epochs: 2", "max_epochs: 3")
    done = clone.mlops("apply", "--yes", "--target", "model.late")
    assert "other bits" not in done.stdout
    assert " M dvc.lock" in clone.changed_files()
    assert set(clone.words()) == {"model.both"}
