"""Guard what went live on this machine.

Lives here: the program that supervisord runs while an endpoint is guarded: python -m mlops.targets.local.guard FOLDER
ROOT ENVIRONMENT STACK ENDPOINT; guard_program, which describes it. FOLDER, of the stack, is how its processes are known.
Not here: what is found and done (rollout.guard).
Law: it looks only while no apply works on the endpoint, and writes the endpoint's file alone, never a record; it ends by itself,
and supervisord starts one that was killed anew.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from mlops.context.paths import ProjectPaths
from mlops.errors import MlopsError
from mlops.rollout.guard import Guard
from mlops.targets.local.host import Host
from mlops.targets.local.versions import Versions
from mlops.tools.supervisor import Program

_PAUSE = 0.5


def guard_name(endpoint: str) -> str:
    return f"guard-{endpoint}"


def guard_program(versions: Versions) -> Program:
    host, name = versions.host, guard_name(versions.name)
    words = [
        sys.executable, "-m", "mlops.targets.local.guard", f"{host.folder}/", str(host.paths.root),
        host.paths.environment, host.stack, versions.name,
    ]  # fmt: skip
    return Program(name, words, host.logs / f"{name}.log", cwd=host.paths.root, restarts_at_end=False)


def keep_guard(versions: Versions) -> None:
    """Return when nothing is left to watch."""
    guard = Guard(versions, time.time, _log)
    while True:
        try:
            with versions.exclusive(wait=False) as is_mine:
                if is_mine and not guard.look():
                    return
        except (MlopsError, OSError) as error:
            _log(f"not now: {error}")
        time.sleep(_PAUSE)


def _log(text: str) -> None:
    with contextlib.suppress(OSError):  # supervisord, which keeps the output, may be gone
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def main() -> None:
    _, root, environment, stack, endpoint = sys.argv[1:]
    keep_guard(Versions(Host(ProjectPaths(Path(root), environment), stack), endpoint))


if __name__ == "__main__":
    main()
