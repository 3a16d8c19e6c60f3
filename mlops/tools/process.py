"""Run programs.

Lives here: run, which waits for one, and what is asked of processes and ports.
Not here: any one program.
Law: a program that was started here does not outlive this process, unless it was started to.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlops.errors import ToolFailed

_PDEATHSIG = 1
_QUIET = {
    "WHYLOGS_NO_ANALYTICS": "1", "BENTOML_DO_NOT_TRACK": "True", "DVC_NO_ANALYTICS": "true",
    "PULUMI_SKIP_UPDATE_CHECK": "true", "ORT_DISABLE_TELEMETRY": "1", "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONUNBUFFERED": "1",
}  # fmt: skip
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None


def beside_python(name: str) -> str:
    """Return the path of the program in this Python environment, or its name, to be looked for on the PATH."""
    beside = Path(sys.executable).parent / name
    return str(beside) if beside.exists() else name


def program_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment variables, with the programs of this Python environment first and telemetry
    off."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return {**os.environ, **_QUIET, "PATH": path, **(extra or {})}


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, while_running: Callable[[], None] | None = None,
    timeout: float | None = None, detached: bool = False,
) -> str:  # fmt: skip
    """Run a program and return what it wrote to stdout and stderr. Raises ToolFailed where it fails, is missing, or
    takes longer than `timeout`.

    `detached`: what it leaves running lives on when this process ends.
    """
    started = time.monotonic()
    try:
        process = subprocess.Popen(
            command, cwd=cwd, env=program_environment(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace", start_new_session=True,
            preexec_fn=None if detached else set_parent_death_signal,  # noqa: PLW1509  one call, that takes no lock
        )  # fmt: skip
    except OSError as error:
        raise ToolFailed.of(
            "program cannot be started", f"{command[0]}: {error.strerror}. Check the installation: mlops doctor"
        ) from error
    output = ""
    while True:
        try:
            output, _ = process.communicate(timeout=0.2)
            break
        except subprocess.TimeoutExpired:
            if while_running:
                while_running()
            if timeout is not None and time.monotonic() - started > timeout:
                stop_group(process.pid)
                process.communicate()
                raise ToolFailed.of(
                    "program took too long",
                    f"`{' '.join(command)}` did not end within {timeout:.0f} s, and was stopped.",
                ) from None
        except BaseException:
            stop_group(process.pid)
            raise
    if process.returncode != 0:
        raise ToolFailed.of(
            f"{Path(command[0]).name} failed",
            f"`{' '.join(command)}` ended with {process.returncode}. The end of what it wrote:\n{tail(output)}",
        )
    return output


def tail(text: str, lines: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])


def set_parent_death_signal() -> None:
    if _libc is not None:
        _libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def stop_group(pid: int) -> None:
    """End a process and all of its group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def alive(pid: int) -> bool:
    """Say whether the process runs; zombies count as dead."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in "ZX"


@dataclass(frozen=True, slots=True)
class Activity:
    """What a process has done. `is_stopped`: a signal holds it still. `cpu`: seconds that it has computed so far."""

    is_stopped: bool
    cpu: float


def activity(pid: int) -> Activity | None:
    """Return what the kernel knows of a process; None where there is none, or the kernel is not Linux."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Activity(words[0] in "Tt", (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK"))


def processes(marker: str) -> list[int]:
    """Return the other processes of this machine whose command line names `marker`."""
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if marker.encode() in words and alive(int(entry.name)):
                found.append(int(entry.name))
    return sorted(found)


def end(pid: int, timeout: float = 5.0) -> None:
    """Send SIGTERM, and SIGKILL after `timeout` seconds; to a process that is stopped, which reads no signal, at once."""
    if (seen := activity(pid)) is not None and seen.is_stopped:
        timeout = 0.0
    for sign, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, 5.0)):
        try:
            os.kill(pid, sign)
        except ProcessLookupError:
            return
        until = time.monotonic() + patience
        while time.monotonic() < until:
            if not alive(pid):
                return
            time.sleep(0.02)


def port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str, start: int, tries: int = 200) -> int:
    """Return the first free port from `start` on. Raises ToolFailed where none of `tries` is free."""
    for port in range(start, start + tries):
        if port_is_free(host, port):
            return port
    raise ToolFailed.of(
        "no free port", f"None of {start} to {start + tries - 1} is free on {host}. Name one: `port: NUMBER`."
    )
