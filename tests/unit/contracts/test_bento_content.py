"""A bento holds the contracts that its server reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from mlops.config.schema.package import Package
from mlops.packaging.bento import needs_of, stage_bento

CODE = """
import sys
import mlops.workloads.serving.pod, mlops.workloads.serving.probe, mlops.workloads.serving.server
print("\\n".join(module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "mlops"))
"""


def test_bento_needs_pillow_where_the_model_takes_images(tmp_path: Path) -> None:
    for column, needed in (
        ({"name": "photo", "type": "image", "image": {}}, True),
        ({"name": "x", "type": "int"}, False),
    ):
        (tmp_path / "contract.json").write_text(json.dumps({"columns": [column]}))
        assert ("pillow" in needs_of(tmp_path)) == needed


def test_server_of_a_bento_imports_nothing_from_outside_it(tmp_path: Path) -> None:
    exported, folder = tmp_path / "exported", tmp_path / "bento"
    exported.mkdir()
    (exported / "golden.json").write_text(json.dumps({"rows": [], "predictions": []}))
    (exported / "contract.json").write_text(json.dumps({"columns": []}))
    stage_bento(folder, "delay", exported, Package(model="delay"))
    env = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=env, cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    files = [Path(line) for line in done.stdout.splitlines()]
    assert folder / "mlops/contracts/server.py" in files
    assert not [file for file in files if not file.is_relative_to(folder)]
