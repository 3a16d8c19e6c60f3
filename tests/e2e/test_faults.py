"""What is killed, broken or wrong: nothing is lost, no bad version gets traffic, the next apply repairs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import BIN, KEY, Workplace, make_small
from tests.e2e.load import Load
from tests.e2e.test_chain import ROW, pids


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def named(place: Workplace, word: str) -> list[int]:
    return sorted(pid for pid in pids(place) if word in command_of(pid))


def until(condition: Callable[[], bool], deadline: float = 30) -> None:
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"not within {deadline} s"
        time.sleep(0.05)


def end_supervisor_and_keeper(place: Workplace) -> None:
    """Kill both at once, and who watches them, so that none brings another back; what they ran ends with them."""
    others = [*named(place, "targets.local.watch"), *named(place, "targets.local.keeper")]
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    for pid in (*named(place, "supervisord"), *others):
        os.kill(pid, signal.SIGKILL)
    until(lambda: pids(place) == set())


def live(place: Workplace) -> str:
    return str(place.status()["endpoint.late"]["text"].split()[0])


def answers(place: Workplace) -> bool:
    return httpx.post(f"{place.status()['endpoint.late']['url']}/predict", json=ROW).status_code == 200


def test_a_killed_replica_is_replaced_and_no_request_fails(small: Workplace) -> None:
    url = small.status()["endpoint.late"]["url"]
    replicas = named(small, "serving.server")
    assert len(replicas) == 2
    with Load(url, ROW) as load:
        until(lambda: load.sent > 20)
        os.kill(replicas[0], signal.SIGKILL)
        until(lambda: len(set(named(small, "serving.server")) - set(replicas)) == 1)
        until(lambda: "2/2 replicas" in small.status()["endpoint.late"]["text"])
        sent = load.sent
        until(lambda: load.sent > sent + 50)
    assert load.failed == {}
    assert small.words() == {}


@pytest.mark.parametrize("word", ["serving.server", "bin/envoy", "supervisord"])
def test_what_hangs_is_replaced_while_nobody_looks(small: Workplace, word: str) -> None:
    hung = named(small, word)[0]
    os.kill(hung, signal.SIGSTOP)
    until(lambda: hung not in named(small, word), 25)
    until(lambda: "2/2 replicas" in small.status()["endpoint.late"]["text"] and answers(small))
    until(lambda: small.words() == {})


def test_plan_sees_a_replica_that_hangs(small: Workplace) -> None:
    hung = named(small, "serving.server")[0]
    caretakers = [*named(small, "targets.local.watch"), *named(small, "targets.local.keeper")]
    assert len(caretakers) == 2
    for pid in (*caretakers, hung):
        os.kill(pid, signal.SIGSTOP)
    try:
        assert small.words()["endpoint.late"][1] == "RESCALE"
        small.mlops("apply", "--yes")
        assert hung not in named(small, "serving.server")
    finally:
        for pid in caretakers:
            os.kill(pid, signal.SIGCONT)
    assert small.words() == {}


def test_a_killed_supervisor_is_replaced_by_the_keeper(small: Workplace) -> None:
    (supervisor,) = named(small, "supervisord")
    os.kill(supervisor, signal.SIGKILL)
    until(lambda: named(small, "supervisord") not in ([], [supervisor]))
    until(lambda: "2/2 replicas" in small.status()["endpoint.late"]["text"] and answers(small))
    until(lambda: len(named(small, "serving.server")) == 2)
    assert small.words() == {}


def test_an_apply_repairs_a_stack_whose_supervisor_and_keeper_were_killed(small: Workplace) -> None:
    end_supervisor_and_keeper(small)
    words = small.words()
    assert words["stack.local"][1] == "PROVISION"
    assert "endpoint.late" in words
    small.mlops("apply", "--yes")
    assert len(named(small, "supervisord")) == 1
    assert len(named(small, "serving.server")) == 2
    assert answers(small)
    assert small.words() == {}


@pytest.mark.parametrize(
    ("what", "sign"), [("model.onnx", "Error"), ("golden.json", "golden request was answered wrongly")]
)
def test_a_version_that_cannot_start_or_answers_wrongly_gets_no_traffic(small: Workplace, what: str, sign: str) -> None:
    before = live(small)
    change = f"package.late.api.max_rows={500 if what == 'model.onnx' else 600}"
    small.mlops("apply", "--yes", "--target", "package.late", change)
    record = json.loads(small.mlops("show", "package.late", "--format", "json").stdout)[0]
    path = Path(record["outputs"]["bento"]) / what
    if what == "model.onnx":
        path.write_bytes(b"no model")
    else:
        golden = json.loads(path.read_text())
        golden["predictions"] = [0.123] * len(golden["predictions"])
        path.write_text(json.dumps(golden))
    with Load(small.status()["endpoint.late"]["url"], ROW) as load:
        failed = small.mlops("apply", "--yes", change, code=1)
    assert sign in failed.stderr
    assert "no traffic reached it" in failed.stderr
    assert load.failed == {}
    assert set(load.versions) == {before}
    assert live(small) == before
    shutil.rmtree(path.parents[2])
    small.mlops("apply", "--yes")
    assert small.words() == {}


def test_an_apply_that_is_killed_anywhere_is_completed_by_the_next(small: Workplace) -> None:
    """From before the first write to the draining of the old version; one of them while training. `make crash` has many more."""
    moments = [(0.8, 1), (2.5, 1), (4.0, 1), (5.6, 1), (4.0, 3)]
    url = small.status()["endpoint.late"]["url"]
    with Load(url, ROW, {"x-api-key": KEY}, rate=20) as load:
        for number, (moment, epochs) in enumerate(moments):
            change = [f"package.late.api.max_rows={1000 + number}"]
            change += [f"model.late.trainer.max_epochs={epochs}"] if epochs > 1 else []
            apply = subprocess.Popen(
                [str(BIN / "mlops"), "apply", "--yes", *change], cwd=small.root, env=small.env, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            time.sleep(moment)
            apply.kill()
            apply.wait()
            small.mlops("apply", "--yes", *change)
            assert small.words(*change) == {}, f"killed after {moment} s"
            assert len(named(small, "serving.server")) == 2
    assert load.failed == {}
    small.mlops("apply", "--yes")
    assert small.words() == {}
    assert json.loads(small.run("dvc", "status", "--json").stdout) == {}


def test_a_taken_port_says_so(fresh: Workplace) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        failed = fresh.mlops("apply", "--yes", "--target", "stack.local", f"stack.local.port={port}", code=1)
    assert f"Another program listens on 127.0.0.1:{port}." in failed.stderr


def test_applies_that_choose_a_port_at_the_same_moment_get_one_each(tmp_path: Path) -> None:
    paths = [make_small(tmp_path / f"project-{number}") for number in range(3)]
    try:
        with ThreadPoolExecutor(len(paths)) as pool:
            list(pool.map(lambda place: place.mlops("apply", "--yes", "--target", "stack.local"), paths))
        told = {place.status()["stack.local"]["text"].rpartition(":")[2] for place in paths}
        assert len(told) == len(paths), told
    finally:
        for place in paths:
            place.mlops("destroy", "--yes", code=None)


def test_port_taken_by_another_program_is_named_and_got_back(small: Workplace) -> None:
    import socket

    port = int(small.status()["endpoint.late"]["url"].split(":")[2].split("/")[0])
    end_supervisor_and_keeper(small)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        failed = small.mlops("apply", "--yes", code=1)
        assert "port is taken" in failed.stderr
        assert f"127.0.0.1:{port}" in failed.stderr
        words = small.words()
        assert words["stack.local"] == ("update", "PROVISION")
    small.mlops("apply", "--yes")
    assert answers(small)
    assert small.words() == {}


def test_apply_killed_while_taking_a_port_is_completed_by_the_next(fresh: Workplace) -> None:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = ["apply", "--yes", "--target", "stack.local", f"stack.local.port={port}"]
    apply = subprocess.Popen([str(BIN / "mlops"), *words], cwd=fresh.root, env=fresh.env, stdout=subprocess.DEVNULL)
    until(lambda: bool(named(fresh, "envoy")))
    apply.kill()
    apply.wait()
    fresh.mlops(*words)
    assert len(named(fresh, "supervisord")) == 1


@pytest.mark.parametrize(
    ("rows", "sign", "code"),
    [
        ("", "has no content", 3),
        ("number,color,late\n", "a header and no rows", 3),
        ("number,color\n1,red\n", 'Referenced column "late" not found', 3),
        ("number,color,late\n" + "1,red,true\n" * 100, "one class", 1),
    ],
)
def test_bad_rows_stop_the_apply_with_a_sentence(fresh: Workplace, rows: str, sign: str, code: int) -> None:
    (fresh.root / "rows.csv").write_text(rows)
    failed = fresh.mlops("apply", "--yes", "--target", "dataset.rows", code=code)
    assert sign in failed.stderr
    assert "Traceback" not in failed.stderr + failed.stdout


def test_a_missing_source_and_a_damaged_file_are_told(fresh: Workplace) -> None:
    (fresh.root / "rows.csv").rename(fresh.root / "moved.csv")
    missing = fresh.mlops("apply", "--yes", "--target", "dataset.rows", code=3)
    assert "rows.csv" in missing.stderr
    assert "source not found" in missing.stderr
    (fresh.root / ".mlops/state.db").write_bytes(b"this is no database" * 100)
    damaged = fresh.mlops("plan", code=1)
    assert "state.db" in damaged.stderr
    assert "Traceback" not in damaged.stderr
    (fresh.root / ".mlops/state.db").unlink()


def test_a_loss_that_is_no_number_is_told(fresh: Workplace) -> None:
    failed = fresh.mlops(
        "apply", "--yes", "--target", "model.late", "model.late.optimizer={name: sgd, lr: 1e38}", code=1
    )
    assert "not a number" in failed.stderr
    assert "optimizer.lr" in failed.stderr


def logged(place: Workplace) -> int:
    """Requests in the prediction log."""
    folder = place.root / ".mlops/run/dev/local/endpoints/late/log"
    return sum(path.read_bytes().count(b',"q":') for path in folder.iterdir())


def test_the_golden_requests_of_a_rollout_are_no_traffic_and_nobody_else_can_hide(small: Workplace) -> None:
    url = small.status()["endpoint.late"]["url"]
    before = logged(small)
    small.mlops("apply", "--yes", "package.late.api.max_rows=777")
    time.sleep(1.5)
    assert logged(small) == before
    assert httpx.post(f"{url}/predict", json=ROW, headers={"x-mlops-probe": "1"}).status_code == 200
    until(lambda: logged(small) == before + 1)
    small.mlops("apply", "--yes")
