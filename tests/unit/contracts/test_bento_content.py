"""A bento holds the contracts that its server reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from mlops.config.schema.package import Package
from mlops.packaging.bento import NEEDS, needs_of, stage_bento

CODE = """
import sys
import mlops.workloads.serving.pod, mlops.workloads.serving.probe, mlops.workloads.serving.server
print("\\n".join(module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "mlops"))
"""


def test_bento_needs_what_images_and_grpc_take_where_it_has_them(tmp_path: Path) -> None:
    for column, api, more in (
        ({"name": "photo", "type": "image", "image": {}}, {}, {"pillow"}),
        ({"name": "x", "type": "int"}, {}, set()),
        ({"name": "x", "type": "int"}, {"grpc": True}, {"grpcio", "protobuf"}),
    ):
        (tmp_path / "contract.json").write_text(json.dumps({"columns": [column]}))
        (tmp_path / "api.json").write_text(json.dumps(api))
        assert set(needs_of(tmp_path)) == {*NEEDS, *more}


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
