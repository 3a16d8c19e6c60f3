"""Stages that run here, against what DVC says of them afterwards, and would have written itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlops.errors import MlopsError
from mlops.tools.digest import Hashes
from mlops.tools.dvc.execute import execute
from mlops.tools.dvc.lockfile import LockFile
from mlops.tools.dvc.reader import read_stages, read_yaml
from mlops.tools.dvc.run import run_stages
from mlops.tools.dvc.subset import unsupported_feature
from mlops.tools.process import alive
from tests.stages import DVC, repository, wide
from tests.stages_graph import NAMES, graph

pytestmark = pytest.mark.slow


def run(root: Path, names: list[str] | None = None, *, parallel: int = 2, force: bool = False) -> list[str]:
    hashes = Hashes(root / ".mlops" / "hashes.json")
    chosen = list(read_stages(root)) if names is None else names
    return execute(root, chosen, hashes, lambda line, fraction: None, parallel=parallel, force=force)


def dvc(root: Path, *words: str) -> str:
    done = subprocess.run([DVC, *words], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def status(root: Path) -> object:
    return json.loads(dvc(root, "status", "--json"))


@pytest.fixture
def made(tmp_path: Path) -> Path:
    root = graph(tmp_path / "project")
    assert sorted(run(root)) == sorted(NAMES)
    return root


def test_dvc_finds_everything_as_if_it_had_done_it(made: Path) -> None:
    assert status(made) == {}
    assert "up to date" in dvc(made, "repro")
    assert run(made) == []
    assert "metrics.json" in dvc(made, "metrics", "show")


def test_dvc_would_have_written_the_same_bytes(made: Path, tmp_path: Path) -> None:
    theirs = graph(tmp_path / "theirs")
    dvc(theirs, "repro")
    assert (made / "dvc.lock").read_text() == (theirs / "dvc.lock").read_text()

    def objects(root: Path) -> set[str]:
        return {str(path.relative_to(root)) for path in (root / ".dvc/cache/files").rglob("*") if path.is_file()}

    assert objects(theirs) <= objects(made)
    ignored = {path: (theirs / path).read_text() for path in (".gitignore", "parts/.gitignore", "out/.gitignore")}
    assert {path: sorted((made / path).read_text().splitlines()) for path in ignored} == {
        path: sorted(text.splitlines()) for path, text in ignored.items()
    }
    runs = {path.name for path in (theirs / ".dvc/cache/runs").rglob("*") if path.is_file()}
    assert runs == {path.name for path in (made / ".dvc/cache/runs").rglob("*") if path.is_file()}


def test_lost_outputs_come_back_by_checkout_push_and_pull(made: Path, tmp_path: Path) -> None:
    shutil.rmtree(made / "parts")
    (made / "out" / "pack.bin").unlink()
    dvc(made, "checkout")
    assert (made / "parts/a/deep/yes ü.txt").read_text() == "one\n"
    dvc(made, "remote", "add", "-d", "far", str(tmp_path / "far"))
    dvc(made, "push")
    shutil.rmtree(made / ".dvc" / "cache")
    shutil.rmtree(made / "parts")
    dvc(made, "pull")
    assert status(made) == {}


def test_edit_runs_what_follows_until_results_are_equal(made: Path) -> None:
    (made / "in" / "1.txt").write_text("1!\n")
    assert sorted(run(made)) == ["join", "measure", "pack", "plot", "split@a"]
    params = json.loads((made / "params" / "split.json").read_text())
    params["words"]["yes"] = "another"
    (made / "params" / "split.json").write_text(json.dumps(params))
    assert sorted(run(made)) == ["split@a", "split@ä-b"]
    assert status(made) == {}


def test_run_with_known_inputs_is_taken_from_the_cache(made: Path) -> None:
    (made / "in" / "1.txt").write_text("1!\n")
    run(made)
    (made / "in" / "1.txt").write_text("one\n")
    (made / "dvc.yaml").write_text((made / "dvc.yaml").read_text())
    said: list[str] = []
    execute(made, list(NAMES), Hashes(made / "h.json"), lambda line, fraction: said.append(line))
    assert "split@a: made before, taken from the cache" in said
    assert (made / "joined.txt").read_text() == "one\ntwo\n"
    assert status(made) == {}


def test_a_stale_file_in_a_folder_does_not_survive(made: Path) -> None:
    (made / "parts" / "a" / "left.txt").write_text("from before\n")
    run(made)
    assert not (made / "parts" / "a" / "left.txt").exists()
    assert status(made) == {}


def test_edit_of_the_same_size_and_time_is_seen(made: Path) -> None:
    path = made / "in" / "1.txt"
    before = path.stat()
    path.write_text("eno\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "split@a" in run(made)


def test_force_runs_what_is_up_to_date(made: Path) -> None:
    assert run(made, ["join"], force=True) == ["join"]


def change(root: Path, before: str, after: str) -> None:
    text = (root / "dvc.yaml").read_text()
    assert before in text
    (root / "dvc.yaml").write_text(text.replace(before, after))


def test_failed_stage_stops_its_dependents_and_nothing_else(made: Path) -> None:
    lock = (made / "dvc.lock").read_text()
    change(made, "wc -c < joined.txt > metrics.json", "echo this is why; false")
    change(made, "mkdir -p plots && cp", "mkdir -p plots; cp")
    with pytest.raises(MlopsError, match="this is why"):
        run(made)
    assert set(json.loads(dvc(made, "status", "--json"))) == {"measure", "pack"}
    assert "plots; cp" in (made / "dvc.lock").read_text()
    assert lock.count("measure:") == (made / "dvc.lock").read_text().count("measure:")


def test_inputs_that_move_while_a_stage_runs_are_refused(made: Path) -> None:
    change(made, "cat parts/a/one.txt parts/ä-b/one.txt > joined.txt", "echo x >> parts/a/one.txt; echo y > joined.txt")
    lock = (made / "dvc.lock").read_text()
    with pytest.raises(MlopsError, match="changed while it ran"):
        run(made, ["join"])
    assert (made / "dvc.lock").read_text() == lock


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("> joined.txt", "> other.txt", "joined.txt is not there"),
        ("- parts/a\n", "- nowhere\n", "nowhere is not there"),
    ],
)
def test_missing_file_is_named(made: Path, before: str, after: str, message: str) -> None:
    change(made, before, after)
    with pytest.raises(MlopsError, match=message):
        run(made, ["join"])


def test_writable_cache_object_is_written_again(made: Path) -> None:
    target = next(
        path for path in (made / ".dvc/cache/files/md5").rglob("*") if path.is_file() and path.suffix != ".dir"
    )
    target.chmod(0o644)
    target.write_text("rotten")
    run(made, force=True)
    assert target.read_text() != "rotten"
    assert target.stat().st_mode & 0o777 == 0o444


def test_run_goes_on_after_a_kill(tmp_path: Path) -> None:
    root = repository(tmp_path / "project")
    body = "    cmd: echo {n} >> ran-{n}; echo $$ > pid-{n}; {wait} echo {n} > {n}.txt\n    deps: [in.txt]\n    outs: [{n}.txt]\n"
    (root / "in.txt").write_text("in")
    stages = "".join(f"  {n}:\n{body.format(n=n, wait='sleep 60;' if n == 's3' else '')}" for n in ("s1", "s2", "s3"))
    (root / "dvc.yaml").write_text(f"stages:\n{stages}")
    program = (
        "import sys; from pathlib import Path; from mlops.tools.dvc.execute import execute; from mlops.tools.digest import "
        "Hashes; execute(Path(sys.argv[1]), ['s1', 's2', 's3'], Hashes(Path(sys.argv[1]) / 'h'), print)"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(root)])
    end = time.monotonic() + 30
    while not (root / "pid-s3").exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    child = int((root / "pid-s3").read_text())
    end = time.monotonic() + 5
    while alive(child) and time.monotonic() < end:
        time.sleep(0.02)
    assert not alive(child)
    assert set(LockFile(root).finished()) == {"s1", "s2"}
    change(root, "sleep 60;", "")
    assert run(root) == ["s3"]
    assert [(root / f"ran-s{i}").read_text().count(f"s{i}") for i in (1, 2)] == [1, 1]
    assert not LockFile(root).finished()
    assert status(root) == {}


def test_output_that_persists_is_there_when_its_stage_runs_again(made: Path) -> None:
    change(made, "    outs:\n      - joined.txt", "    outs:\n      - joined.txt: {persist: true}")
    change(made, "> joined.txt", ">> joined.txt")
    before = (made / "joined.txt").read_text()
    assert "join" in run(made)
    assert (made / "joined.txt").read_text().startswith(before)
    assert status(made) == {}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("    outs:\n      - joined.txt", "    wdir: .\n    outs:\n      - joined.txt", "`wdir` of stage join"),
        ("    outs:\n      - joined.txt", "    outs:\n      - joined.txt: {push: false}", "an output of stage join"),
        (
            "      - joined.txt\n    params",
            "      - https://example.org/x\n    params",
            "a dependency of stage measure",
        ),
    ],
)
def test_unsupported_feature_is_named(made: Path, before: str, after: str, message: str) -> None:
    assert unsupported_feature(made, read_yaml(made / "dvc.yaml")) is None
    change(made, before, after)
    assert unsupported_feature(made, read_yaml(made / "dvc.yaml")) == message


def test_stages_with_an_unsupported_feature_run_by_dvc(made: Path) -> None:
    change(
        made,
        "    cmd: mkdir -p out && cat joined.txt metrics.json",
        "    frozen: false\n    cmd: cat metrics.json joined.txt",
    )
    said: list[str] = []
    run_stages(made, ["pack"], Hashes(made / "h"), lambda line, fraction: said.append(line))
    assert said == ["left to `dvc repro`, because of `frozen` of stage pack"]
    assert (made / "out" / "pack.bin").read_text().startswith("8")


def test_busy_repository_is_waited_for(tmp_path: Path) -> None:
    names = wide(tmp_path / "project", 3)
    assert sorted(run(tmp_path / "project", parallel=3)) == names
