"""Keep a process that has imported the heavy libraries, and have it fork one for each stage.

Lives here: hand_over.
Not here: the other end (workloads.fork_server), which commands are handed over (command).
Law: started when the second stage of this process asks; gone with it, and its children too.
"""

from __future__ import annotations

import atexit
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from mlops.errors import ToolFailed
from mlops.tools.process import program_environment, set_parent_death_signal, stop_group, tail

_BY = "mlops.workloads.fork_server"
_POLL = 0.05


def hand_over(
    root: Path, script: str, name: str, env: Mapping[str, str], output: Path, watch: Callable[[], None]
) -> bool:
    """Have `python SCRIPT NAME` carried out by the fork server; False where that is left to the caller. Raises
    ToolFailed where it fails."""
    fork_server = _fork_server_of(root)
    return fork_server is not None and fork_server.carry_out(script, name, env, output, watch)


@dataclass
class _ForkServer:
    root: Path
    link: socket.socket
    process: int
    answers: dict[int, SimpleQueue[dict[str, Any]]] = field(default_factory=dict)
    guard: threading.Lock = field(default_factory=threading.Lock)
    is_up: bool = True
    count: int = 0

    def carry_out(
        self, script: str, name: str, env: Mapping[str, str], output: Path, watch: Callable[[], None]
    ) -> bool:
        inbox: SimpleQueue[dict[str, Any]] = SimpleQueue()
        with self.guard:
            if not self.is_up:
                return False
            self.count += 1
            number = self.count
            self.answers[number] = inbox
            request = {"id": number, "script": script, "name": name, "env": dict(env), "output": str(output)}
            try:
                self.link.sendall(json.dumps(request).encode() + b"\n")
            except OSError:
                self.is_up = False
                return False
        pid = 0
        try:
            while True:
                try:
                    answer = inbox.get(timeout=_POLL)
                except Empty:
                    watch()
                    continue
                pid = int(answer.get("pid", pid))
                if "status" in answer:
                    pid = 0
                    break
        finally:
            self.answers.pop(number, None)
            if pid:
                stop_group(pid)
        if answer["status"] != 0:
            written = output.read_text(errors="replace") if output.exists() else ""
            raise ToolFailed.of(
                f"{Path(script).name} failed",
                f"`python {script} {name}` ended with {answer['status']}. The end of what it wrote:\n{tail(written)}",
            )
        return True

    def listen(self) -> None:
        buffer = b""
        while True:
            try:
                part = self.link.recv(65536)
            except OSError:
                part = b""
            if not part:
                break
            *lines, buffer = (buffer + part).split(b"\n")
            for line in lines:
                message = json.loads(line)
                inbox = self.answers.get(message["id"])
                if inbox is not None:
                    inbox.put(message)
        with self.guard:
            self.is_up = False
        for inbox in list(self.answers.values()):
            inbox.put({"status": -9})


_fork_servers: dict[Path, _ForkServer] = {}
_asked: dict[Path, int] = {}
_guard = threading.Lock()


def _fork_server_of(root: Path) -> _ForkServer | None:
    with _guard:
        _asked[root] = _asked.get(root, 0) + 1
        known = _fork_servers.get(root)
        if known is not None and known.is_up:
            return known
        if _asked[root] < 2:
            return None
        made: SimpleQueue[_ForkServer | None] = SimpleQueue()
        threading.Thread(target=_keep, args=(root, made), daemon=True, name="fork_server").start()
        fork_server = made.get()
        if fork_server is not None:
            _fork_servers[root] = fork_server
        return fork_server


def _keep(root: Path, made: SimpleQueue[_ForkServer | None]) -> None:
    """Keep the fork server in a thread of its own, as long as this process lives: the parent-death signal comes when
    its thread ends."""
    ours, theirs = socket.socketpair()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", _BY, str(theirs.fileno())], cwd=root, env=program_environment(), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True,
            preexec_fn=set_parent_death_signal,  # noqa: PLW1509  one call, that takes no lock
        )  # fmt: skip
    except OSError:
        made.put(None)
        return
    finally:
        theirs.close()
    fork_server = _ForkServer(root, ours, process.pid)
    atexit.register(ours.close)
    made.put(fork_server)
    fork_server.listen()
    process.wait()
