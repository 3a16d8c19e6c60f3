"""Run a program of stacks/ as mlops does: inline, by the Automation API.

Lives here: Running, one stack of one program on the test cluster; steps, what was or would be done to each object;
plain_preview, the same by the command line.
Not here: the engine and its plug-ins (pulumi_home), a stack of any program (trial).
Law: the program's file is run as it is; what it is told goes through the stack's configuration.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

from pulumi import automation as auto

from mlops.tools.pulumi import run_program
from tests.cluster.control_plane import ControlPlane
from tests.cluster.programs import programs
from tests.cluster.pulumi_home import pulumi_environment
from tests.cluster.trial import QUIET, Seen, Watched

ROOT = Path(__file__).parents[2]


class Running(Watched):
    """`folder`: of a Pulumi of its own; two programs may share it, the same program twice may not."""

    def __init__(self, folder: Path, control_plane: ControlPlane, program: str) -> None:
        self.folder = f"stacks/{program}"
        path = ROOT / self.folder / "__main__.py"
        self.env = pulumi_environment(folder, control_plane.kubeconfig)
        options = auto.LocalWorkspaceOptions(env_vars=self.env, pulumi_command=auto.PulumiCommand(str(programs())))
        self.stack = auto.create_or_select_stack("test", program, lambda: run_program(path), opts=options)

    def tell(self, inputs: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> Self:
        told = {"inputs": auto.ConfigValue(json.dumps(inputs))}
        if secrets is not None:
            told["secrets"] = auto.ConfigValue(json.dumps(secrets), secret=True)
        self.stack.set_all_config(told)
        return self

    @contextmanager
    def going(self) -> Iterator[Self]:
        """Taken away at the end, whatever was done with it."""
        try:
            yield self
        finally:
            self.destroy()


def steps(seen: Seen) -> dict[str, str]:
    """Logical name -> what is done; those that stay as they are are left out."""
    return {name: operation for name, (operation, _) in seen.changes.items()}


def plain_preview(running: Running) -> dict[str, str]:
    """The `steps` that `pulumi preview` tells in a copy of the program's folder, of the same stack, told the same."""
    with TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copytree(ROOT / "stacks", project / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
        place, name = project / running.folder, running.stack.name
        shutil.copy(Path(running.stack.workspace.work_dir) / f"Pulumi.{name}.yaml", place)
        done = subprocess.run(
            ["pulumi", "preview", "--stack", name, "--json", "--non-interactive"],
            cwd=place, env={**os.environ, **running.env}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = [(step["urn"].split("::"), step["op"]) for step in json.loads(done.stdout)["steps"]]
    return {urn[-1]: op for urn, op in told if op not in QUIET and not urn[-2].startswith("pulumi:")}
