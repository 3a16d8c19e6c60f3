"""Telling people of findings: a real receiver of webhooks and a real SMTP server on loopback, each told once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from mlops.contracts.alerts import ALERTS_FILE, OUTBOX_FILE, AlertConfig, AlertRoute, AlertSilence
from mlops.contracts.codec import encode
from mlops.workloads.monitoring.alerts.alerter import Alerter, end_of_quiet, start_alerts, through_apprise
from mlops.workloads.monitoring.alerts.outbox import Outbox, OutboxMessage
from mlops.workloads.monitoring.findings import iso
from tests.ports import any_port

# Apprise imports it, on a Python that still has it.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC).timestamp()
DAY = 86400.0


class Mailbox(Message):
    """What an SMTP server was given."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[Any] = []

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@contextmanager
def webhook(port: int) -> Iterator[list[dict[str, Any]]]:
    """Receive webhooks on a port; yield what came."""
    came: list[dict[str, Any]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Stays quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield came
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, int]]:
    box, port = Mailbox(), any_port()
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


def say(folder: Path, *routes: AlertRoute, silences: tuple[AlertSilence, ...] = ()) -> None:
    config = AlertConfig(
        monitor="monitor.delay", environment="prod", secrets=str(folder / "secrets"), routes=routes, silences=silences
    )
    (folder / ALERTS_FILE).write_text(encode(config))


def find(folder: Path, name: str = "drift-1", **more: Any) -> Path:
    finding = {
        "id": name, "monitor": "monitor.delay", "kind": name.partition("-")[0], "since": iso(NOON), "until": iso(NOON), "rows": 1200,
        "columns": [{"name": "precip", "method": "ks", "statistic": 0.31, "p": 0.0, "threshold": 0.1}], "windows": 1,
        "baseline_digest": "d", **more,
    }  # fmt: skip
    path = folder / "findings" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(finding))
    return path


class Recorder:
    """Takes messages in the place of Apprise, or refuses those for the routes in `down`."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.down: set[str] = set()

    def __call__(self, route: AlertRoute, secrets: Path, message: OutboxMessage) -> str:
        if route.name in self.down:
            return "is down"
        self.titles.append(f"{route.name} {message.title.partition(']')[0]}]")
        return ""


def test_finding_arrives_by_webhook_and_by_mail_once(tmp_path: Path, mailbox: tuple[Mailbox, int]) -> None:
    (box, smtp), port = mailbox, any_port()
    mail = f"mailto://127.0.0.1:{smtp}?from=mlops@example.org&to=ann@example.org"
    say(tmp_path, AlertRoute(name="hook", url=f"json://127.0.0.1:{port}/hook"), AlertRoute(name="mail", url=mail))
    find(tmp_path)
    with webhook(port) as came:
        assert Alerter(tmp_path, through_apprise).tick(NOON) == 2
        for later in (1.0, 2.0, DAY):
            assert Alerter(tmp_path, through_apprise).tick(NOON + later) == 0
    assert len(came) == 1
    assert came[0]["title"].startswith("[warning] monitor.delay (prod): drift since 2026-01-05")
    assert "precip: ks 0.31" in came[0]["message"]
    assert len(box.mails) == 1
    assert box.mails[0]["To"] == "ann@example.org"
    assert "[warning] monitor.delay" in box.mails[0]["Subject"]


def test_silenced_or_acknowledged_finding_arrives_nowhere(tmp_path: Path) -> None:
    port = any_port()
    route = AlertRoute(name="hook", url=f"json://127.0.0.1:{port}")
    path = find(tmp_path)
    with webhook(port) as came:
        say(tmp_path, route, silences=(AlertSilence(kind="drift", until=NOON + DAY),))
        assert Alerter(tmp_path, through_apprise).tick(NOON) == 0
        path.with_name("drift-1.ack.json").write_text("{}")
        assert Alerter(tmp_path, through_apprise).tick(NOON + 2 * DAY) == 0
        path.with_name("drift-1.ack.json").unlink()
        assert Alerter(tmp_path, through_apprise).tick(NOON + 2 * DAY) == 1
    assert len(came) == 1


def test_route_that_is_down_loses_nothing_and_stops_no_other(tmp_path: Path) -> None:
    port, other = any_port(), any_port()
    say(
        tmp_path, AlertRoute(name="down", url=f"json://127.0.0.1:{port}"),
        AlertRoute(name="up", url=f"json://127.0.0.1:{other}"),
    )  # fmt: skip
    find(tmp_path)
    find(tmp_path, "quality-1")
    with webhook(other) as came:
        assert Alerter(tmp_path, through_apprise).tick(NOON) == 2
        assert len(came) == 2
    with webhook(port) as late:
        assert Alerter(tmp_path, through_apprise).tick(NOON + 1) == 1  # the second was not tried yet
        assert Alerter(tmp_path, through_apprise).tick(NOON + 60) == 1
        assert Alerter(tmp_path, through_apprise).tick(NOON + DAY) == 0
    assert len(late) == 2
    assert Outbox(tmp_path / OUTBOX_FILE).waiting() == 0


def test_secret_fills_the_address_and_is_in_no_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    port = any_port()
    monkeypatch.setenv("HOOK", f"json://ann:hush-hush@127.0.0.1:{port}")
    say(tmp_path, AlertRoute(name="hook", url="${secret:HOOK}"), AlertRoute(name="none", url="${secret:NOWHERE}"))
    find(tmp_path)
    assert Alerter(tmp_path, through_apprise).tick(NOON) == 0
    said = capsys.readouterr().out
    assert "alert hook/drift-1/opened did not arrive" in said
    assert "needs the secret NOWHERE" in said
    assert "hush" not in said + (tmp_path / OUTBOX_FILE).read_bytes().decode(errors="replace")


def test_severity_chooses_the_route(tmp_path: Path) -> None:
    say(tmp_path, AlertRoute(name="all", url="x"), AlertRoute(name="grave", url="x", severity="critical"))
    find(tmp_path)
    find(tmp_path, "concept-1")
    told = Recorder()
    Alerter(tmp_path, told).tick(NOON)
    assert sorted(told.titles) == ["all [critical]", "all [warning]", "grave [critical]"]


def test_open_finding_is_told_again_and_its_end_too(tmp_path: Path) -> None:
    say(tmp_path, AlertRoute(name="r", url="x", repeat=DAY), AlertRoute(name="s", url="x", closed=False))
    find(tmp_path)
    told = Recorder()
    alerter = Alerter(tmp_path, told)
    for hours in range(0, 60, 6):
        alerter.tick(NOON + hours * 3600)
    assert told.titles == ["r [warning]", "s [warning]", "r [still open, warning]", "r [still open, warning]"]
    find(tmp_path, closed=iso(NOON + 3 * DAY))
    for hours in (70, 200):
        alerter.tick(NOON + hours * 3600)
    assert told.titles[4:] == ["r [closed]"]


def test_finding_that_becomes_graver_is_told_again_at_once(tmp_path: Path) -> None:
    say(
        tmp_path, AlertRoute(name="all", url="x", quiet="22:00-07:00"),
        AlertRoute(name="grave", url="x", severity="critical"),
    )  # fmt: skip
    find(tmp_path, severity="warning")
    told = Recorder()
    alerter = Alerter(tmp_path, told)
    alerter.tick(NOON)
    assert told.titles == ["all [warning]"]
    find(tmp_path, severity="critical")
    night = NOON + 11 * 3600
    for later in (0.0, 10.0, DAY):
        alerter.tick(night + later)
    assert told.titles == ["all [warning]", "all [now critical]", "grave [critical]"]


def test_waiting_message_about_an_acknowledged_finding_is_withdrawn(tmp_path: Path) -> None:
    say(tmp_path, AlertRoute(name="r", url="x", quiet="22:00-07:00"), AlertRoute(name="s", url="x"))
    path = find(tmp_path)
    told = Recorder()
    told.down = {"s"}
    alerter = Alerter(tmp_path, told)
    alerter.tick(NOON + 11 * 3600)
    path.with_name("drift-1.ack.json").write_text("{}")
    told.down = set()
    alerter.tick(NOON + 2 * DAY)
    assert told.titles == []
    assert Outbox(tmp_path / OUTBOX_FILE).waiting() == 0


def test_silence_withdraws_what_waits_and_its_end_tells_of_what_is_still_open(tmp_path: Path) -> None:
    route = AlertRoute(name="r", url="x", quiet="22:00-07:00")
    find(tmp_path)
    told = Recorder()
    alerter = Alerter(tmp_path, told)
    say(tmp_path, route)
    alerter.tick(NOON + 11 * 3600)
    say(tmp_path, route, silences=(AlertSilence(until=NOON + 2 * DAY),))
    alerter.tick(NOON + DAY)
    assert told.titles == []
    alerter.tick(NOON + 2 * DAY)
    assert told.titles == ["r [warning]"]


def test_finding_is_told_each_day_for_half_a_year_and_a_dead_route_hoards_nothing(tmp_path: Path) -> None:
    say(tmp_path, AlertRoute(name="r", url="x", repeat=DAY))
    find(tmp_path)
    told = Recorder()
    alerter = Alerter(tmp_path, told)
    for day in range(180):
        alerter.tick(NOON + day * DAY)
    assert told.titles == ["r [warning]", *["r [still open, warning]"] * 179]
    told.down = {"r"}
    for day in range(180, 190):
        alerter.tick(NOON + day * DAY)
    assert Outbox(tmp_path / OUTBOX_FILE).waiting() == 1


def test_warning_waits_for_the_end_of_quiet_hours_and_what_is_critical_does_not(tmp_path: Path) -> None:
    say(tmp_path, AlertRoute(name="r", url="x", quiet="22:00-07:00"))
    find(tmp_path)
    find(tmp_path, "concept-1")
    told = Recorder()
    alerter = Alerter(tmp_path, told)
    night = NOON + 11 * 3600
    alerter.tick(night)
    assert told.titles == ["r [critical]"]
    alerter.tick(night + 7 * 3600)
    assert told.titles == ["r [critical]"]
    alerter.tick(night + 8 * 3600)
    assert told.titles == ["r [critical]", "r [warning]"]


@pytest.mark.parametrize(
    ("quiet", "hour", "waits"),
    [
        ("22:00-07:00", 23, 8), ("22:00-07:00", 3, 4), ("22:00-07:00", 7, 0), ("12:00-13:30", 12, 1.5),
        ("12:00-13:30", 14, 0), (None, 3, 0),
    ],
)  # fmt: skip
def test_quiet_hours_end(quiet: str | None, hour: int, waits: float) -> None:
    now = datetime(2026, 1, 5, hour, tzinfo=UTC).timestamp()
    assert end_of_quiet(quiet, now) - now == waits * 3600


def test_message_that_cannot_be_sent_is_tried_less_and_less_often(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "box")
    message = OutboxMessage("k", "r", "warning", "t", "b")
    assert outbox.put(message, now=0.0, due=0.0)
    assert not outbox.put(replace(message, title="other"), now=1.0, due=1.0)
    tries, now = 0, 0.0
    while now < DAY:
        if outbox.due(now):
            outbox.failed("k", now, "down")
            tries += 1
        now += 5.0 if now < 600 else 300.0
    assert 20 < tries < 40
    assert [one.title for one in Outbox(tmp_path / "box").due(2 * DAY)] == ["t"]


def test_damaged_finding_stops_nobody(tmp_path: Path) -> None:
    say(tmp_path, AlertRoute(name="r", url="x"))
    find(tmp_path, "drift-2")
    (tmp_path / "findings/drift-1.json").write_text("{")
    told = Recorder()
    Alerter(tmp_path, told).tick(NOON)
    assert told.titles == ["r [warning]"]


def test_thread_of_a_watcher_tells(tmp_path: Path) -> None:
    port = any_port()
    say(tmp_path, AlertRoute(name="hook", url=f"json://127.0.0.1:{port}"))
    find(tmp_path)
    with webhook(port) as came:
        start_alerts(tmp_path)
        until = threading.Event()
        for _ in range(500):
            if came or until.wait(0.02):
                break
    assert len(came) == 1
