"""Import once, fork often: python -m mlops.workloads.fork_server FD.

Lives here: the process that has imported what the stages' scripts import, and forks one child a stage.
Not here: who asks for it (tools.dvc.workers), what a stage does (the scripts).
Law: a child runs its script as `python SCRIPT NAME` would; it starts no thread before it forks.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from mlops.workloads.parent_death import die_with_parent

_imported: set[str] = set()


def main() -> None:
    """Read one request a line; answer each with its pid, and with its status when it ended."""
    link = socket.socket(fileno=int(sys.argv[1]))
    wake, alarm = os.pipe()
    os.set_blocking(alarm, False)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    children: dict[int, int] = {}
    buffer = b""
    while True:
        readable, _, _ = select.select([link.fileno(), wake], [], [])
        if wake in readable:
            os.read(wake, 4096)
        for pid, status in _ended(children):
            link.sendall(json.dumps({"id": children.pop(pid), "status": status}).encode() + b"\n")
        if link.fileno() in readable:
            part = link.recv(65536)
            if not part:
                break
            *lines, buffer = (buffer + part).split(b"\n")
            for line in lines:
                request = json.loads(line)
                pid = _fork(request, link, (wake, alarm))
                children[pid] = request["id"]
                link.sendall(json.dumps({"id": request["id"], "pid": pid}).encode() + b"\n")
    for pid in children:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)


def _ended(children: dict[int, int]) -> list[tuple[int, int]]:
    found = []
    for pid in list(children):
        with contextlib.suppress(ChildProcessError):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                found.append((ended, os.waitstatus_to_exitcode(status)))
    return found


def _fork(request: dict[str, Any], link: socket.socket, pipe: tuple[int, int]) -> int:
    with contextlib.suppress(Exception):
        _import(Path(request["script"]))
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        die_with_parent(signal.SIGKILL)
        link.close()
        for end in pipe:
            os.close(end)
        written = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(written, 1)
        os.dup2(written, 2)
        os.environ.update(request["env"])
        sys.argv = [request["script"], request["name"]]
        sys.path[0] = str(Path(request["script"]).parent.absolute())
        runpy.run_path(request["script"], run_name="__main__")
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _import(script: Path) -> None:
    """Import what the script imports at its top; the script itself runs in the child."""
    for node in ast.parse(script.read_text()).body:
        names = [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if name not in _imported:
                importlib.import_module(name)
                _imported.add(name)


if __name__ == "__main__":
    main()
