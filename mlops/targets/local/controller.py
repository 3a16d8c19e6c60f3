"""Look after an endpoint on this machine while no apply does.

Lives here: the program that supervisord runs while an endpoint rolls out without an apply, or is guarded: python -m
mlops.targets.local.controller FOLDER ROOT ENVIRONMENT STACK ENDPOINT; controller_program, which describes it. FOLDER, of the stack,
is how its processes are known.
Not here: what is found and done (rollout.controller).
Law: it works only while no apply works on the endpoint, and writes the endpoint's file alone, never a record; it ends by itself,
and supervisord starts one that was killed anew, which goes on from that file.
"""

from __future__ import annotations

import contextlib
import sys
import time
from pathlib import Path

from mlops.context.paths import ProjectPaths
from mlops.errors import MlopsError
from mlops.rollout.controller import Controller
from mlops.targets.local.host import PARENT_DEATH, Host
from mlops.targets.local.versions import Versions
from mlops.tools.supervisor import Program

_PAUSE = 0.5


def controller_name(endpoint: str) -> str:
    return f"controller-{endpoint}"


def controller_program(versions: Versions) -> Program:
    """Describe it. It ends with supervisord: an orphan would judge versions whose processes are ending."""
    host, name = versions.host, controller_name(versions.name)
    words = [
        sys.executable, str(PARENT_DEATH), sys.executable, "-m", "mlops.targets.local.controller", f"{host.folder}/",
        str(host.paths.root), host.paths.environment, host.stack, versions.name,
    ]  # fmt: skip
    return Program(name, words, host.logs / f"{name}.log", cwd=host.paths.root, restarts_at_end=False)


def is_controlled(versions: Versions) -> bool:
    """Say whether it runs."""
    state = versions.host.states().get(controller_name(versions.name))
    return state is not None and state.name in ("RUNNING", "STARTING")


def control(versions: Versions) -> None:
    """Carry out what the endpoint's file says is rolling out, then guard it. Return when nothing is left to do."""
    controller = Controller(versions, time.time, _log)
    while True:
        try:
            with versions.exclusive(wait=False) as is_mine:
                if is_mine and not controller.look():
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
    control(Versions(Host(ProjectPaths(Path(root), environment), stack), endpoint))


if __name__ == "__main__":
    main()
