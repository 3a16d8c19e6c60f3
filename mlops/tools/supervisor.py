"""Keep processes, with supervisord.

Lives here: Supervisor: its configuration, its start and end, and its programs.
Not here: which programs (targets.local).
Law: a second supervisord is never started beside a living one, nor beside orphans of a dead one.
"""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import os
import shlex
import signal
import socket
import threading
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlops.errors import ToolFailed
from mlops.tools.process import beside_python, end, processes, run, tail

_ALREADY_ADDED = 90
_writing = threading.RLock()


@dataclass(frozen=True)
class Program:
    """A program that supervisord keeps running. `log`: the file for its output and its errors. `restarts_at_end`: it is started
    anew where it ends by itself without an error too."""

    name: str
    command: Sequence[str]
    log: Path
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    stop_timeout: float = 10.0
    log_size: int = 10_000_000
    log_files: int = 3
    restarts_at_end: bool = True

    def text(self, folder: Path) -> str:
        """Return the section that supervisord reads. `folder`: where supervisord runs, which its paths start from: a path
        of the user may hold what an ini file or its parser takes for syntax."""
        variables = [f"{key}={value}" for key, value in sorted(self.env.items())]
        command = [*(["env", *variables] if variables else []), *self.command]
        lines = [
            f"[program:{self.name}]", f"command={_ini_command(command)}", "autostart=true", f"autorestart={'true' if self.restarts_at_end else 'unexpected'}",
            "startsecs=1", "startretries=3", f"stopwaitsecs={max(1, round(self.stop_timeout))}", "stopsignal=TERM",
            "redirect_stderr=true", f"stdout_logfile={_ini_path(self.log, folder)}",
            f"stdout_logfile_maxbytes={self.log_size}", f"stdout_logfile_backups={self.log_files}",
        ]  # fmt: skip
        lines += [f"directory={_ini_path(self.cwd, folder)}"] if self.cwd else []
        return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """How a program is. `name`: RUNNING, STARTING, BACKOFF, FATAL, STOPPED, EXITED."""

    name: str
    pid: int


class Supervisor:
    """One supervisord. `folder`: its files. `socket_path`: the socket that it listens on. `timeout`: seconds it may take to
    answer."""

    def __init__(self, folder: Path, socket_path: Path, *, timeout: float = 60.0) -> None:
        self.folder, self.socket_path, self.timeout = folder, socket_path, timeout

    @property
    def _config(self) -> Path:
        return self.folder / "supervisord.conf"

    def is_up(self, timeout: float | None = None) -> bool:
        """Say whether supervisord answers. `timeout`: seconds that it has for that, if other ones than usual."""
        try:
            return bool(self._call("supervisor.getState", timeout=timeout)["statecode"] == 1)
        except (OSError, xmlrpc.client.Error, ToolFailed):
            return False

    def start(self) -> None:
        """Start supervisord; idempotent, also where two processes do so at once. What a dead one left running is ended first;
        the file of a program that cannot be read is removed. Raises ToolFailed."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "starting.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.is_up():
                self._start()

    def _start(self) -> None:
        self.end_orphans()
        for folder in (self.folder / "programs", self.folder / "logs"):
            folder.mkdir(parents=True, exist_ok=True)
        for path in self._programs():
            if not _is_sound(path):
                path.unlink()
        self.socket_path.parent.mkdir(mode=0o700, exist_ok=True)
        self.socket_path.unlink(missing_ok=True)
        self._write_config()
        run(
            [beside_python("supervisord"), "-c", str(self._config)],
            cwd=self.folder,
            env={"PYTHONUTF8": "1"},
            detached=True,
        )
        until = time.monotonic() + 15
        while not self.is_up():
            if time.monotonic() > until:
                raise ToolFailed.of(
                    "supervisor does not start", f"supervisord gave no answer within 15 s. Its log:\n{self._log()}"
                )
            time.sleep(0.03)

    def stop(self) -> None:
        """End supervisord and all its programs; idempotent."""
        with contextlib.suppress(OSError, xmlrpc.client.Error, ToolFailed):
            self._call("supervisor.shutdown")
        until = time.monotonic() + 30
        while processes(self._marker) and time.monotonic() < until:
            time.sleep(0.05)
        self.end_orphans()
        self.socket_path.unlink(missing_ok=True)

    def end_orphans(self) -> list[int]:
        """End processes that work for this folder while no supervisor keeps them."""
        orphans = processes(self._marker)
        for pid in orphans:
            end(pid)
        return orphans

    @property
    def _marker(self) -> str:
        return f"{self.folder}/"

    def states(self, *, timeout: float | None = None) -> dict[str, ProcessState]:
        """Return the state of each program; nothing where supervisord does not run. Raises TimeoutError where it gives no
        answer within `timeout`, if that is given."""
        try:
            found = self._call("supervisor.getAllProcessInfo", timeout=timeout)
        except TimeoutError:
            if timeout is not None:
                raise
            return {}
        except (OSError, xmlrpc.client.Error):
            return {}
        return {one["name"]: ProcessState(one["statename"], int(one["pid"])) for one in found}

    def put(self, program: Program) -> None:
        """Run the program as described; one that runs so already is left alone, unless it gave up."""
        path = self.folder / "programs" / f"{program.name}.conf"
        program.log.parent.mkdir(parents=True, exist_ok=True)
        text = program.text(self.folder)
        known = self.states().get(program.name)
        same = path.exists() and path.read_bytes() == text.encode()
        if same and known and known.name in ("RUNNING", "STARTING"):
            return
        if same and known:
            self.start_again(program.name)
            return
        if known:
            self.take(program.name)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        self._write_config()
        try:
            self._call("supervisor.reloadConfig")
            self._call("supervisor.addProcessGroup", program.name)
        except xmlrpc.client.Fault as error:
            if error.faultCode != _ALREADY_ADDED:
                raise ToolFailed.of(
                    "supervisor refuses a program",
                    f"supervisord did not take {path}: {error.faultString}. The end of its log:\n{self._log()}",
                ) from error

    def start_again(self, name: str) -> None:
        """Start a program that ended or gave up."""
        with contextlib.suppress(xmlrpc.client.Fault):
            self._call("supervisor.startProcess", name, False)

    def kill(self, name: str) -> None:
        """End a program that does not listen any more, at once; supervisord starts it anew."""
        state = self.states().get(name)
        if state and state.pid > 1:
            with contextlib.suppress(ProcessLookupError):
                os.kill(state.pid, signal.SIGKILL)

    def take(self, name: str) -> None:
        """Stop a program and remove it; idempotent."""
        (self.folder / "programs" / f"{name}.conf").unlink(missing_ok=True)
        if self.folder.is_dir():
            self._write_config()
        for method, words in (("stopProcessGroup", (name, True)), ("removeProcessGroup", (name,))):
            with contextlib.suppress(xmlrpc.client.Fault, OSError):
                self._call(f"supervisor.{method}", *words)
        with contextlib.suppress(xmlrpc.client.Fault, OSError):
            self._call("supervisor.reloadConfig")

    def _programs(self) -> list[Path]:
        return sorted(file for file in _listed(self.folder / "programs") if file.suffix == ".conf")

    def _write_config(self) -> None:
        """Write one file with all programs. supervisord would find the programs' files by a pattern, which it splits at
        spaces and matches with the folder's name in it."""
        with _writing:
            lines = [
                "[supervisord]", "logfile=logs/supervisord.log", "logfile_maxbytes=5MB", "logfile_backups=1",
                "pidfile=supervisord.pid", "childlogdir=logs", "strip_ansi=true", "minfds=1024",
                "[unix_http_server]", f"file={_ini_path(self.socket_path, self.folder)}", "chmod=0600",
                "[rpcinterface:supervisor]",
                "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
            ]  # fmt: skip
            parts = [path.read_text(encoding="utf-8") for path in self._programs() if _is_sound(path)]
            temporary = self._config.with_suffix(".part")
            temporary.write_text("\n".join([*lines, "", *parts]), encoding="utf-8")
            temporary.replace(self._config)

    def reopen_logs(self) -> None:
        """Have supervisord open its log files anew: the folder of them was taken away."""
        (self.folder / "logs").mkdir(exist_ok=True)
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((self.folder / "supervisord.pid").read_text()), signal.SIGUSR2)

    def _call(self, method: str, *words: Any, timeout: float | None = None) -> Any:
        with _proxy(self.socket_path, timeout or self.timeout) as proxy:
            return getattr(proxy, method)(*words)

    def _log(self) -> str:
        path = self.folder / "logs" / "supervisord.log"
        try:
            return tail(path.read_text(errors="replace"))
        except OSError:
            return f"(there is none: {path} was not written)"


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__()
        self._path, self._timeout = path, timeout

    def make_connection(self, host: Any) -> Any:
        import http.client

        connection = http.client.HTTPConnection("localhost", timeout=self._timeout)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(self._timeout)
        try:
            connection.sock.connect(str(self._path))
        except OSError:
            connection.close()
            raise
        self._connection = (host, connection)
        return connection


@contextlib.contextmanager
def _proxy(path: Path, timeout: float) -> Iterator[xmlrpc.client.ServerProxy]:
    with xmlrpc.client.ServerProxy("http://localhost", transport=_Transport(path, timeout)) as proxy:
        yield proxy


def _is_sound(path: Path) -> bool:
    """Say whether supervisord can read the file: one that it cannot read keeps it from starting at all."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, configparser.Error):
        return False
    return parser.has_option(f"program:{path.stem}", "command")


def _listed(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _ini_command(words: Sequence[str]) -> str:
    """Return the command as supervisord reads it: split as a shell does, after `%` was expanded, and after the parser of
    the ini file took ` #` and ` ;` for the start of a comment, in quotes too."""
    quoted = shlex.join(words)
    return _escaped(quoted.replace("#", "''#").replace(";", "'';"))


def _ini_path(path: Path, folder: Path) -> str:
    """Return the path as seen from `folder`, so that the names of the folders above both need not stand in the file."""
    return _escaped(os.path.relpath(path.absolute(), folder.absolute()))


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
