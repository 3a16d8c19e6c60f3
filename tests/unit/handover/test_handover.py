"""Handing plans over: once each, to a real webhook and by a real command, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.api import Project
from mlops.contracts.handover import Handover, HandoverTask, YamlEdit
from mlops.handover.journal import DONE_FILE, FAILED_FILE, HandoverJournal, is_held, read_outcome
from tests.ports import any_port
from tests.small_project import VALUES, write_files


@contextmanager
def receiver(port: int, status: int = 200) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """Receive webhooks on a port; yield (Idempotency-Key, body) of what came."""
    came: list[tuple[str, dict[str, Any]]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            came.append((self.headers["idempotency-key"], body))
            self.send_response(status)
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


def task(root: Path, key: str = "finding/dev/monitor.late/drift-1", **more: Any) -> HandoverTask:
    handover = Handover(
        key=key, project="small", environment="dev", at="2026-01-01T00:00:00+00:00", occasion="finding",
        summary="monitor.late has found drift.", patch="--- a\n+++ b\n", plan={"changes": []},
    )  # fmt: skip
    return HandoverTask(handover=handover, root=str(root), secrets=str(root / "secrets"), **more)


def test_webhook_gets_each_occasion_once(tmp_path: Path) -> None:
    port = any_port()
    journal = HandoverJournal(tmp_path / "handovers")
    made = task(tmp_path, webhook=f"http://127.0.0.1:{port}/review")
    assert journal.put(made)
    assert not journal.put(made)
    with receiver(port) as came:
        (folder,) = journal.due(time.time())
        outcome = journal.deliver(folder)
        assert outcome is not None
        assert outcome.error == ""
        assert HandoverJournal(tmp_path / "handovers").due(time.time() + 1e6) == []
        journal.deliver(folder)
    ((key, body),) = came
    assert key == "finding/dev/monitor.late/drift-1"
    assert body["summary"] == "monitor.late has found drift."
    assert body["patch"] == "--- a\n+++ b\n"


def test_webhook_that_is_down_or_refuses_is_tried_again_later(tmp_path: Path) -> None:
    port = any_port()
    journal = HandoverJournal(tmp_path / "handovers")
    journal.put(task(tmp_path, webhook=f"http://127.0.0.1:{port}"))
    (folder,) = journal.due(time.time())
    first = journal.deliver(folder)
    assert first is not None
    assert "does not answer" in first.error
    with receiver(port, status=503) as refused:
        second = journal.deliver(folder)
    assert second is not None
    assert (second.tries, second.error) == (2, "The webhook answered 503 Service Unavailable.")
    assert journal.due(second.at + 4) == []
    assert journal.due(second.at + 11) == [folder]
    with receiver(port) as came:
        journal.deliver(folder)
    assert len(came) == len(refused) == 1
    assert journal.waiting() == []


def test_secret_fills_the_address_and_stands_nowhere(tmp_path: Path, monkeypatch: Any) -> None:
    port = any_port()
    monkeypatch.setenv("REVIEW_URL", f"http://127.0.0.1:{port}/hush-hush")
    journal = HandoverJournal(tmp_path / "handovers")
    journal.put(task(tmp_path, webhook="${secret:REVIEW_URL}"))
    (folder,) = journal.waiting()
    journal.deliver(folder)
    assert all(b"hush" not in path.read_bytes() for path in folder.iterdir())
    with receiver(port) as came:
        journal.deliver(folder)
    assert len(came) == 1


def test_command_reads_the_plan_and_the_edit_and_its_failure_is_kept(tmp_path: Path) -> None:
    journal = HandoverJournal(tmp_path / "handovers")
    command = 'cat > "got.json" && cat "$MLOPS_PATCH" > got.patch && echo "$MLOPS_HANDOVER_KEY" >> keys && test -e allowed || { echo no; exit 3; }'
    journal.put(task(tmp_path, command=command))
    (folder,) = journal.waiting()
    failed = journal.deliver(folder)
    assert failed is not None
    assert failed.error == "The command ended with 3: no"
    (tmp_path / "allowed").touch()
    done = journal.deliver(folder)
    assert done is not None
    assert done.error == ""
    assert json.loads((tmp_path / "got.json").read_text())["project"] == "small"
    assert (tmp_path / "got.patch").read_text() == "--- a\n+++ b\n"
    assert (tmp_path / "keys").read_text().split() == ["finding/dev/monitor.late/drift-1"] * 2


def test_watch_that_is_killed_while_a_command_runs_starts_it_no_second_time(tmp_path: Path) -> None:
    journal = HandoverJournal(tmp_path / "handovers")
    journal.put(
        task(tmp_path, command="echo begun >> begun; until test -e go; do sleep 0.05; done; echo ended >> ended")
    )
    (folder,) = journal.waiting()
    code = (
        "import sys; from pathlib import Path; from mlops.handover.journal import HandoverJournal; "
        "HandoverJournal(Path(sys.argv[1])).deliver(Path(sys.argv[2]))"
    )
    watch = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "handovers"), str(folder)])
    _wait((tmp_path / "begun").exists)
    os.kill(watch.pid, signal.SIGKILL)
    watch.wait()
    assert is_held(folder)
    assert journal.due(time.time() + 1e6) == []
    (tmp_path / "go").touch()
    _wait((folder / DONE_FILE).exists)
    _wait(lambda: not is_held(folder))
    journal.deliver(folder)
    assert (tmp_path / "begun").read_text() == "begun\n"
    assert (tmp_path / "ended").read_text() == "ended\n"


def test_edit_whose_apply_fails_is_taken_back_and_said(tmp_path: Path) -> None:
    """The folder holds no project that could be applied, so that `mlops apply` refuses it."""
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/project.yaml").write_text("name: small\nunknown: 1\n")
    file = tmp_path / "conf/rows.yaml"
    file.write_text("until: 2013-08-31\n")
    edit = YamlEdit(file="conf/rows.yaml", before="until: 2013-08-31\n", after="until: 2013-12-31\n")
    port = any_port()
    journal = HandoverJournal(tmp_path / "handovers")
    journal.put(task(tmp_path, webhook=f"http://127.0.0.1:{port}", edit=edit))
    (folder,) = journal.waiting()
    down = journal.deliver(folder)
    assert down is not None
    assert down.result is not None
    assert (down.result.applied, down.result.exit_code) == (False, 3)
    assert file.read_text() == edit.before
    with receiver(port) as came:
        journal.deliver(folder)
    assert came[0][1]["result"]["exit_code"] == 3
    assert "file in the wrong place" in came[0][1]["result"]["output"]
    kept = read_outcome(folder / FAILED_FILE)
    assert kept is not None


def test_edit_is_applied_once_and_stays(tmp_path: Path) -> None:
    write_files(tmp_path, VALUES)
    edit = YamlEdit(file="conf/value/one.yaml", before="value: 1\n", after="value: 2\n")
    journal = HandoverJournal(tmp_path / "handovers")
    journal.put(task(tmp_path, command="cat >> got; echo >> got; test -e allowed", edit=edit))
    (folder,) = journal.waiting()
    failed = journal.deliver(folder)
    assert failed is not None
    assert failed.result is not None
    assert failed.result.applied, failed.result.output
    assert (tmp_path / "conf/value/one.yaml").read_text() == "value: 2\n"
    records = Project.open(tmp_path).store.records()
    assert records[Address("value", "one")].inputs["value"] == 2
    (tmp_path / "allowed").touch()
    journal.deliver(folder)
    results = [json.loads(line)["result"] for line in (tmp_path / "got").read_text().splitlines()]
    assert results[0] == results[1]
    assert len(Project.open(tmp_path).store.operations()) == 1


def test_edit_of_a_file_that_somebody_edited_since_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_text("mine\n")
    journal = HandoverJournal(tmp_path / "handovers")
    edit = YamlEdit(file="rows.yaml", before="a\n", after="b\n")
    journal.put(task(tmp_path, command="cat > got.json", edit=edit))
    journal.deliver(journal.waiting()[0])
    assert (tmp_path / "rows.yaml").read_text() == "mine\n"
    result = json.loads((tmp_path / "got.json").read_text())["result"]
    assert not result["applied"]
    assert "was edited since" in result["output"]


def _wait(holds: Any) -> None:
    until = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)
