"""Run a program of stacks/ as mlops does: inline, by the Automation API.

Lives here: Running, one stack of one program on the test cluster; plain_preview, the same by the command line.
Not here: the engine and its plug-ins (pulumi_home).
Law: the program's file is run as it is; what it is told goes through the stack's configuration.
"""

from __future__ import annotations

import json
import os
import runpy
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pulumi import automation as auto

from tests.cluster.control_plane import ControlPlane
from tests.cluster.programs import programs
from tests.cluster.pulumi_home import pulumi_environment

ROOT = Path(__file__).parents[2]


class Running:
    def __init__(self, folder: Path, plane: ControlPlane, program: str, name: str) -> None:
        self.program, self.api = program, plane.api()
        path = ROOT / "stacks" / program / "__main__.py"
        (folder / "work" / name).mkdir(parents=True, exist_ok=True)
        self.stack = auto.create_or_select_stack(
            name,
            f"mlops-{program}",
            lambda: runpy.run_path(str(path), run_name="__main__") and None,
            opts=auto.LocalWorkspaceOptions(
                work_dir=str(folder / "work" / name),
                env_vars=pulumi_environment(folder, plane.kubeconfig),
                pulumi_command=auto.PulumiCommand(str(programs())),
            ),
        )

    def tell(self, inputs: Mapping[str, Any], secrets: Mapping[str, str] | None = None) -> Running:
        told = {"inputs": auto.ConfigValue(json.dumps(inputs))}
        if secrets is not None:
            told["secrets"] = auto.ConfigValue(json.dumps(secrets), secret=True)
        self.stack.set_all_config(told)
        return self

    @contextmanager
    def going(self) -> Iterator[Running]:
        """Taken away at the end, whatever was done with it."""
        try:
            yield self
        finally:
            self.destroy()

    @contextmanager
    def there(self) -> Iterator[Running]:
        with self.going():
            self.up()
            yield self

    def preview(self) -> Counter[str]:
        """Steps of the engine, those that leave things as they are not counted."""
        return _counted(self.stack.preview(on_output=_quiet).change_summary)

    def up(self) -> Counter[str]:
        return _counted(self.stack.up(on_output=_quiet).summary.resource_changes or {})

    def destroy(self) -> Counter[str]:
        return _counted(self.stack.destroy(on_output=_quiet).summary.resource_changes or {})

    def outputs(self) -> dict[str, Any]:
        return {name: it.value for name, it in self.stack.outputs().items()}


def _counted(changes: Mapping[Any, int]) -> Counter[str]:
    told = {getattr(step, "value", step): count for step, count in changes.items()}
    return Counter({str(step): count for step, count in told.items() if step != "same"})


def _quiet(_: str) -> None:
    """The Automation API says it once more in what it raises."""


def plain_preview(running: Running) -> Counter[str]:
    """What `pulumi preview` says in a copy of the program's folder, of the same stack, told the same."""
    with TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copytree(ROOT / "stacks", project / "stacks", ignore=shutil.ignore_patterns("__pycache__"))
        (project / ".venv").symlink_to(ROOT / ".venv")
        place, name = project / "stacks" / running.program, running.stack.name
        shutil.copy(Path(running.stack.workspace.work_dir) / f"Pulumi.{name}.yaml", place)
        done = subprocess.run(
            [programs() / "bin" / "pulumi", "preview", "--stack", name, "--json", "--non-interactive"],
            cwd=place, env={**os.environ, **running.stack.workspace.env_vars}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return _counted(json.loads(done.stdout)["changeSummary"])
