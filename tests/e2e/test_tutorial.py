"""docs/tutorial.md works as printed: its commands in their order, and what it says that they print."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.e2e.conftest import BIN, ROOT

BLOCK = re.compile(r"^```sh\n(?P<commands>.*?)^```\n(?:```text\n(?P<printed>.*?)^```\n)?", re.MULTILINE | re.DOTALL)
MARK = "=====block"
BLOCKS = [
    (found["commands"], found["printed"] or "") for found in BLOCK.finditer((ROOT / "docs/tutorial.md").read_text())
]


def test_commands_of_the_tutorial_do_what_it_says(tmp_path: Path) -> None:
    folder = tmp_path / "a folder with an é"
    folder.mkdir()
    script = "set -euo pipefail\n" + "".join(f"{commands}\necho; echo {MARK}\n" for commands, _ in BLOCKS)
    who = {f"GIT_{role}_{field}": "t@example.com" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    env = {**os.environ, **who, "PATH": f"{BIN}:{os.environ['PATH']}", "NO_COLOR": "1"}
    try:
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
    finally:
        for environment in ("env=prod", "env=dev"):
            words = [str(BIN / "mlops"), "destroy", environment, "--yes"]
            subprocess.run(words, cwd=folder / "churn", env=env, capture_output=True, check=False)
    outputs = done.stdout.split(MARK)
    assert done.returncode == 0, f"{BLOCKS[len(outputs) - 1][0]}\n{outputs[-1]}"
    for (commands, printed), output in zip(BLOCKS, outputs, strict=False):
        lines = [squeezed(line) for line in output.splitlines()]
        for line in filter(None, printed.splitlines()):
            assert any(re.fullmatch(pattern_of(line), one) for one in lines), (
                f"{commands}\nprints no {line!r}:\n{output}"
            )


def pattern_of(line: str) -> str:
    """Return the regular expression of a printed line, where `…` stands for anything, or nothing."""
    return ".*".join(re.escape(part.strip()) for part in squeezed(line).split("…"))


def squeezed(line: str) -> str:
    return " ".join(line.split())
