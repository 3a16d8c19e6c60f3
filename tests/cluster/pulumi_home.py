"""Pulumi as the tests run it: an engine and plug-ins of their own, nothing fetched, nothing of the caller's.

Lives here: PULUMI_HOME with the tests' plug-ins in it, and the environment that an update needs.
Not here: the plug-ins themselves (provider/, language/).
Law: production code sees an ordinary Pulumi installation: `pulumi` on PATH, plug-ins in their folders.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tests.cluster.programs import HERE, programs

ROOT = HERE.parents[1]


def pulumi_environment(folder: Path, kubeconfig: Path | None = None) -> dict[str, str]:
    """Variables to add to a process's own, for one Pulumi in `folder`: its home, its file backend, its plug-ins.
    No policy of ours is among them (PULUMI_K8S_…): that is production's to decide."""
    backend = folder / "backend"
    backend.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": f"{programs() / 'bin'}:{os.environ.get('PATH', '')}",
        "PULUMI_HOME": str(install(folder / "home")),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "a-passphrase-of-the-tests",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {}),
    }


def install(home: Path) -> Path:
    """Both plug-ins where Pulumi looks for them, started by this interpreter."""
    kubernetes = version("pulumi-kubernetes")
    _launch(home, "resource-kubernetes", kubernetes, "tests.cluster.provider")
    _launch(home, "language-python", engine_version(), "tests.cluster.language")
    return home


@cache
def engine_version() -> str:
    told = subprocess.run([programs() / "bin" / "pulumi", "version"], capture_output=True, text=True, check=True)
    return told.stdout.strip().removeprefix("v")


def _launch(home: Path, name: str, told: str, module: str) -> None:
    place = home / "plugins" / f"{name}-v{told}"
    place.mkdir(parents=True, exist_ok=True)
    launcher = place / f"pulumi-{name}"
    launcher.write_text(
        "#!/bin/sh\n"
        f"export MLOPS_PROVIDER_VERSION={told} PYTHONPATH={shlex.quote(str(ROOT))} PYTHONDONTWRITEBYTECODE=\n"
        f'exec {shlex.quote(sys.executable)} -m {module} "$@"\n'
    )
    launcher.chmod(0o755)
