"""What README prints is accepted as printed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from mlops.config.load import load

ROOT = Path(__file__).parents[3]
_BLOCK = re.compile(r"^```yaml\n# (conf/\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_environment_of_readme_is_valid_as_printed(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    printed = dict(_BLOCK.findall((ROOT / "README.md").read_text()))
    assert set(printed) == {"conf/stack/gpu.yaml", "conf/env/prod.yaml"}
    for name, text in printed.items():
        (tmp_path / name).write_text(text)
    spec = load(tmp_path, env="prod")
    assert spec.settings.environment == "prod"
    assert spec.settings.training.stack == "gpu"
    assert not spec.settings.build


@pytest.mark.parametrize("line", (ROOT / "README.md").read_text().splitlines())
def test_path_of_readme_exists(line: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", line):
        assert (ROOT / target).exists(), target
