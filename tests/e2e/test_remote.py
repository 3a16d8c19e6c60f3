"""Outputs kept in a remote: a second clone pulls what the first one made, and trains nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bucket import Bucket
from tests.e2e.conftest import Workplace, make_small

ACCESS, SECRET = "AKIDOFTHETESTS", "a-secret/key+of the tests"


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    made = Bucket()
    yield made
    made.server.stop()


def declare(place: Workplace, storage: str) -> None:
    with (place.root / "conf/project.yaml").open("a") as file:
        file.write(storage)
    folder = place.root / ".mlops" / "secrets"
    folder.mkdir(parents=True, mode=0o700)
    for name, value in (("STORE_KEY", ACCESS), ("STORE_SECRET", SECRET)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(value)


def in_bucket(endpoint: str) -> str:
    return f"""\
storage:
  remote: s3://models/small
  endpoint_url: {endpoint}
  region: us-east-1
  access_key_id: ${{secret:STORE_KEY}}
  secret_access_key: ${{secret:STORE_SECRET}}
"""


def commit(place: Workplace) -> None:
    place.run("git", "add", "-A")
    place.run("git", "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-qm", "apply")


def clone_of(place: Workplace, to: Path) -> Workplace:
    subprocess.run(["git", "clone", "-q", str(place.root), str(to)], check=True, capture_output=True)
    shutil.copytree(place.root / ".mlops" / "secrets", to / ".mlops" / "secrets")
    (to / ".mlops").chmod(0o700)
    return Workplace(to)


def trained(place: Workplace) -> int:
    """How many stages ran in this project: each leaves a run in DVC's cache."""
    return len([path for path in (place.root / ".dvc" / "cache" / "runs").rglob("*") if path.is_file()])


def model_digest(place: Workplace) -> str:
    (record,) = json.loads(place.mlops("show", "endpoint.late", "--format", "json").stdout)
    return str(record["outputs"]["model_digest"])


def everything_below(root: Path) -> bytes:
    return b"".join(
        path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "secrets" not in path.relative_to(root).parts
    )


def test_second_clone_pulls_from_s3_and_trains_nothing(tmp_path: Path, bucket: Bucket) -> None:
    first = make_small(tmp_path / "first")
    declare(first, in_bucket(bucket.endpoint))
    try:
        first.mlops("apply", "--yes")
        assert any(key.endswith(".dir") for key in bucket.names())
        assert first.words() == {}
        commit(first)
        second = clone_of(first, tmp_path / "second")
        try:
            pending = second.words()
            assert {at for at, (action, _) in pending.items() if action == "run"} == set()
            second.mlops("apply", "--yes")
            assert trained(second) == 0
            assert model_digest(second) == model_digest(first)
            assert second.words() == {}
        finally:
            second.mlops("destroy", "--yes", code=None)
    finally:
        first.mlops("destroy", "--yes", code=None)
    for place in (first, second):
        assert SECRET.encode() not in everything_below(place.root)
        assert ACCESS.encode() not in everything_below(place.root)
