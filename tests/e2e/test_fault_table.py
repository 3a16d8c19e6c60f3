"""What clients notice of each fault, and how long it lasts, while nobody does anything.

Each row of the table hurts the real programs under a load, waits until all is as it was, and then asks `mlops plan`.
The bounds are loose, because the machine may be busy; what was measured is printed (pytest -s).
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from mlops.context.paths import ProjectPaths
from mlops.tools.unix_http import ask
from tests.e2e.conftest import Workplace
from tests.e2e.load import Load
from tests.e2e.test_chain import ROW
from tests.e2e.test_faults import named, until

REPLICA, ENVOY, SUPERVISOR = "serving.server", "bin/envoy", "supervisord"
KEEPER, WATCH = "targets.local.keeper", "targets.local.watch"
LOCAL = ".mlops/run/dev/local"


@dataclass
class Measured:
    """What a fault did. `seconds`: until every program ran, every replica was ready, and a request was answered."""

    seconds: float
    failed: dict[str, int]
    sent: int
    slowest: float


def is_healthy(place: Workplace) -> bool:
    sockets = ProjectPaths(place.root, "dev").sockets("local")
    replicas = sorted(sockets.glob("late-v*.sock"))
    if len(named(place, REPLICA)) != 2 or not all(len(named(place, one)) == 1 for one in (ENVOY, KEEPER, WATCH)):
        return False
    try:
        ready = [ask(path, "/readyz", timeout=0.3)[0] == 200 for path in replicas]
        return all(ready) and ask(sockets / "admin.sock", "/ready", timeout=0.3)[0] == 200
    except OSError:
        return False


def measure(place: Workplace, url: str, hurt: Callable[[], None], gone: Callable[[], bool]) -> Measured:
    """`gone`: whether what was hurt is no longer there."""
    with Load(url, ROW) as load:
        until(lambda: load.sent > 20)
        started = time.monotonic()
        hurt()
        until(gone, 40)
        until(lambda: is_healthy(place), 40)
        seconds = time.monotonic() - started
        sent = load.sent
        until(lambda: load.sent > sent + 30)
    return Measured(seconds, load.failed, load.sent, load.slowest)


def report(name: str, found: Measured) -> None:
    lost = sum(found.failed.values())
    sys.stdout.write(
        f"\n{name}: {lost} of {found.sent} failed {found.failed}, healthy after {found.seconds:.1f} s, slowest answer "
        f"{found.slowest:.1f} s, load {os.getloadavg()[0]:.1f}\n"
    )


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSTOP])
@pytest.mark.parametrize(
    ("words", "count", "loses"),
    [
        ((REPLICA,), 1, False), ((REPLICA,), 2, True), ((ENVOY,), 1, True), ((SUPERVISOR,), 1, True), ((KEEPER,), 1, False),
        ((WATCH,), 1, False), ((SUPERVISOR, KEEPER), 1, True),
    ],
    ids=["replica", "replicas", "envoy", "supervisord", "keeper", "watch", "supervisord+keeper"],
)  # fmt: skip
def test_what_is_killed_or_stopped_is_replaced_while_nobody_looks(
    small: Workplace, sign: signal.Signals, words: tuple[str, ...], count: int, loses: bool
) -> None:
    until(lambda: is_healthy(small), 40)
    url = small.status()["endpoint.late"]["url"]
    hurt = [pid for word in words for pid in named(small, word)[:count]]

    def kill() -> None:
        for pid in hurt:
            os.kill(pid, sign)

    found = measure(small, url, kill, lambda: not any(pid in named(small, word) for word in words for pid in hurt))
    report(f"{sign.name} of {count} {' and '.join(words)}", found)
    assert found.seconds < 30
    if not loses:
        assert found.failed == {}
    until(lambda: small.words() == {}, 40)


def test_stopped_replica_is_out_of_traffic_within_five_seconds(small: Workplace) -> None:
    until(lambda: is_healthy(small), 40)
    admin = ProjectPaths(small.root, "dev").sockets("local") / "admin.sock"
    hurt = named(small, REPLICA)[0]
    started = time.monotonic()
    os.kill(hurt, signal.SIGSTOP)
    until(lambda: b"/failed_active_hc" in ask(admin, "/clusters")[1] or hurt not in named(small, REPLICA))
    seconds = time.monotonic() - started
    until(lambda: is_healthy(small) and hurt not in named(small, REPLICA), 40)
    sys.stdout.write(f"\nout of traffic after {seconds:.1f} s, replaced after {time.monotonic() - started:.1f} s\n")
    assert seconds < 5


def test_folder_of_the_logs_that_was_taken_away_is_made_anew(small: Workplace) -> None:
    until(lambda: is_healthy(small), 40)
    url = small.status()["endpoint.late"]["url"]
    logs = small.root / LOCAL / "logs"
    found = measure(small, url, lambda: shutil.rmtree(logs), (logs / "supervisord.log").exists)
    report("process logs gone", found)
    assert found.failed == {}
    assert small.words() == {}
