"""The verbs `batch rerun` and `monitor test-alert`: their exit codes, and what they print."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from tests.ports import any_port
from tests.small_project import VALUES, write_files
from tests.unit.cli.conftest import Shell


def test_rerun_of_what_has_no_intervals_says_so(applied: Shell) -> None:
    ended = applied("batch", "rerun", "value.one", "2013-12-01")
    assert ended.code == 1
    assert "a batch has" in ended.err
    assert applied("batch", "rerun", "nothing", "2013-12-01").code == 1


def test_test_alert_without_a_route_says_what_to_write(mlops: Shell) -> None:
    ended = mlops("monitor", "test-alert")
    assert ended.code == 1
    assert "alerts: {routes:" in ended.err


def test_test_alert_arrives_and_says_which_route_is_down(mlops: Shell, project: Path) -> None:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Stays quiet."""

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    urls = {"down": f"json://127.0.0.1:{any_port()}", "up": f"json://127.0.0.1:{server.server_address[1]}"}
    routes = ", ".join(f"{name}: {{ url: '{url}' }}" for name, url in urls.items())
    write_files(project, {"conf/project.yaml": f"{VALUES['conf/project.yaml']}alerts: {{ routes: {{ {routes} }} }}\n"})
    ended = mlops("monitor", "test-alert")
    thread.join()
    server.server_close()
    assert ended.code == 1
    assert "up  arrived" in ended.out
    assert "down  did not arrive: " in ended.out
    assert "Did you mean `up`" in mlops("monitor", "test-alert", "--route", "upp").err


def test_report_and_replay_of_what_watches_nothing_say_so(applied: Shell, tmp_path: Path) -> None:
    for words in (("report", "value.one", "--out", "page.html"), ("replay", "value.one", "--rows", "rows.csv")):
        ended = applied("monitor", *words)
        assert ended.code == 1
        assert "watches nothing" in ended.err
    assert applied("monitor", "report", "nothing", "--out", "page.html").code == 1
    assert not (tmp_path / "page.html").exists()


def test_rules_of_a_project_without_monitors_say_so(mlops: Shell) -> None:
    ended = mlops("monitor", "rules")
    assert ended.code == 1
    assert "declares no monitor" in ended.err
