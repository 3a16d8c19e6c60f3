"""Pulumi as the tests run it: an engine and plug-ins of their own, nothing fetched, nothing of the caller's.

Lives here: PULUMI_HOME with the plug-ins in it, and the environment that an update needs.
Not here: building the engine and Pulumi's Kubernetes plug-in (programs), the host of plain `pulumi up` (language/).
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
    """Both plug-ins where Pulumi looks for them: its own for Kubernetes, under the version that the SDK asks for, and the
    host of Python programs, by this interpreter."""
    name = "pulumi-resource-kubernetes"
    own = _folder(home, "resource-kubernetes", version("pulumi-kubernetes")) / name
    own.unlink(missing_ok=True)
    own.symlink_to(programs() / "plug-ins" / name)
    launcher = _folder(home, "language-python", engine_version()) / "pulumi-language-python"
    launcher.write_text(
        "#!/bin/sh\n"
        f"export PYTHONPATH={shlex.quote(str(ROOT))} PYTHONDONTWRITEBYTECODE=\n"
        f'exec {shlex.quote(sys.executable)} -m tests.cluster.language "$@"\n'
    )
    launcher.chmod(0o755)
    return home


def _folder(home: Path, name: str, told: str) -> Path:
    place = home / "plugins" / f"{name}-v{told}"
    place.mkdir(parents=True, exist_ok=True)
    return place


@cache
def engine_version() -> str:
    told = subprocess.run([programs() / "bin" / "pulumi", "version"], capture_output=True, text=True, check=True)
    return told.stdout.strip().removeprefix("v")
