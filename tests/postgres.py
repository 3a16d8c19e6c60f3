"""A real PostgreSQL of the tests' own: on a Unix socket in a temporary folder, gone with the process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest
import sqlalchemy as sa


@cache
def programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    beside = shutil.which("postgres")
    return found[-1].parent if found else Path(beside).resolve().parent if beside else None


def needed() -> Path:
    """The folder of the programs; skips the test where there are none, and fails it in CI."""
    found = programs()
    if found is None:
        reason = "PostgreSQL is not installed; .ci/packages installs it"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    assert found is not None
    return found


@contextmanager
def server(password: str | None = None) -> Iterator[str]:
    """The URL of one, with `{database}` in the place of the name. It refuses to run as root, and does not here. With a
    password, nobody logs in without it."""
    bin_ = needed()
    is_root = os.getuid() == 0
    with tempfile.TemporaryDirectory(prefix="mlops-pg-") as folder:
        become = ["setpriv", "--pdeathsig", "INT"]
        if is_root:
            shutil.chown(folder, "postgres", "postgres")
            become += ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        data, login = Path(folder) / "data", ["-A", "trust"]
        if password is not None:
            (Path(folder) / "password").write_text(password)
            login = ["-A", "scram-sha-256", "--pwfile", f"{folder}/password"]
        subprocess.run(
            [*become, bin_ / "initdb", "-D", data, "-U", "mlops", *login, "--no-sync"], cwd=folder, check=True,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        settings = [f"unix_socket_directories={folder}", "listen_addresses=", "fsync=off", "max_connections=100"]
        process = subprocess.Popen(
            [*become, bin_ / "postgres", "-D", data, *(word for setting in settings for word in ("-c", setting))],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            login_part = f"mlops:{quote(password, safe='')}" if password else "mlops"
            url = f"postgresql+psycopg://{login_part}@/{{database}}?host={folder}"
            _wait(url)
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _wait(url: str) -> None:
    engine = sa.create_engine(url.format(database="postgres"))
    end = time.monotonic() + 30
    while True:
        try:
            engine.connect().close()
            break
        except sa.exc.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
    engine.dispose()


def fresh_database(url: str) -> str:
    """The URL of a new, empty database on the server."""
    name = f"d{uuid.uuid4().hex[:12]}"
    engine = sa.create_engine(url.format(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return url.format(database=name)


def connections(url: str, *, allowed: bool) -> None:
    """End all to the database, and refuse new ones; or take them again."""
    made = sa.make_url(url)
    engine = sa.create_engine(made.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {made.database} ALLOW_CONNECTIONS {allowed}")
        if not allowed:
            ended = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
            connection.execute(ended, {"name": made.database})
    engine.dispose()
