"""Pulumi as the tests run it: an engine and plug-ins of their own, nothing fetched, nothing of the caller's.

Lives here: PULUMI_HOME with the tests' provider in it, and the environment that an update needs.
Not here: the provider itself (provider/), the language host (language/).
Law: production code sees an ordinary Pulumi installation: `pulumi` on PATH, a plug-in in its folder.
"""

from __future__ import annotations

import shlex
import sys
from importlib.metadata import version
from pathlib import Path

from tests.cluster.programs import HERE, programs, without_proxy

ROOT = HERE.parents[1]


def pulumi_environment(folder: Path, kubeconfig: Path | None = None) -> dict[str, str]:
    """Variables to add to a process's own, for one Pulumi in `folder`: its home, its file backend, its plug-ins.
    No policy of ours is among them (PULUMI_K8S_…): that is production's to decide."""
    backend = folder / "backend"
    backend.mkdir(parents=True, exist_ok=True)
    return {
        "PATH": ":".join([str(programs() / "bin"), str(HERE / "language"), without_proxy().get("PATH", "")]),
        "PULUMI_HOME": str(install(folder / "home")),
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_CONFIG_PASSPHRASE": "a-passphrase-of-the-tests",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {}),
    }


def install(home: Path) -> Path:
    """The plug-in where Pulumi looks for it, started by this interpreter."""
    told = version("pulumi-kubernetes")
    place = home / "plugins" / f"resource-kubernetes-v{told}"
    place.mkdir(parents=True, exist_ok=True)
    launcher = place / "pulumi-resource-kubernetes"
    launcher.write_text(
        "#!/bin/sh\n"
        f"MLOPS_PROVIDER_VERSION={told} PYTHONPATH={shlex.quote(str(ROOT))} PYTHONDONTWRITEBYTECODE= "
        f'exec {shlex.quote(sys.executable)} -m tests.cluster.provider "$@"\n'
    )
    launcher.chmod(0o755)
    return home
