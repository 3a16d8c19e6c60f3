"""A real MariaDB of the tests' own: on a Unix socket in a temporary folder, gone with the process."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class MariaDb:
    """A server. `socket`: where it listens."""

    socket: Path

    def run(self, sql: str) -> None:
        """Carry out statements as the user who may do anything."""
        words = ["mariadb", "--no-defaults", f"--socket={self.socket}", "-uroot"]
        subprocess.run(words, input=sql, text=True, check=True, capture_output=True)


def needed() -> str:
    """The program; skips the test where there is none, and fails it in CI."""
    found = shutil.which("mariadbd", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        reason = "MariaDB is not installed; .ci/packages installs it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    assert found is not None
    return found


@contextmanager
def server() -> Iterator[MariaDb]:
    """A server in which `root` needs no password. It refuses to run as root, and does not here."""
    program = needed()
    with tempfile.TemporaryDirectory(prefix="mlops-my-") as folder:
        become = ["setpriv", "--pdeathsig", "KILL"]
        if os.getuid() == 0:
            shutil.chown(folder, "mysql", "mysql")
            become += ["--reuid", "mysql", "--regid", "mysql", "--clear-groups"]
        data = f"--datadir={folder}/data"
        words = [
            "mariadb-install-db",
            "--no-defaults",
            data,
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
        ]
        subprocess.run([*become, *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        socket = Path(folder) / "socket"
        settings = ["--skip-networking", f"--pid-file={folder}/pid", "--innodb-buffer-pool-size=16M"]
        process = subprocess.Popen(
            [*become, program, "--no-defaults", data, f"--socket={socket}", *settings], stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            _wait(MariaDb(socket))
            yield MariaDb(socket)
        finally:
            process.terminate()
            process.wait(30)


def _wait(server: MariaDb) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            server.run("SELECT 1")
            return
        except subprocess.CalledProcessError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
