"""Outputs in a declared remote, through the real DVC: clones that make nothing, remotes that fail, pushes that end half way."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from mlops.address import Address
from mlops.api import Project
from mlops.engine.plan import Change
from mlops.engine.resource import Action
from mlops.errors import MlopsError
from mlops.tools.dvc.remote import Remote
from mlops.tools.dvc.run import checkout
from tests.bucket import Bucket
from tests.fault.fake_project import Chain, declare
from tests.fault.test_rollback import FILES, with_

pytestmark = pytest.mark.slow
KEY, SECRET = "AKIDOFTHETESTS", "a-secret/of the+tests"
DATA, MODEL, ENDPOINT = Address("dataset", "rows"), Address("model", "late"), Address("endpoint", "late")
NOT_COPIED = shutil.ignore_patterns("cache", "tmp", ".mlops", "data", "models")


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    made = Bucket()
    yield made
    made.server.stop()


@pytest.fixture
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Mapping[str, Any]:
    """What `storage:` says: a folder, or a bucket."""
    if request.param == "folder":
        return {"remote": str(tmp_path / "store")}
    return in_bucket(request.getfixturevalue("bucket").endpoint)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_KEY", KEY)
    monkeypatch.setenv("STORE_SECRET", SECRET)


def in_bucket(endpoint: str) -> dict[str, Any]:
    return {
        "remote": "s3://models/small", "endpoint_url": endpoint, "region": "us-east-1",
        "access_key_id": "${secret:STORE_KEY}", "secret_access_key": "${secret:STORE_SECRET}",
    }  # fmt: skip


def project(files: Mapping[str, Any], storage: Mapping[str, Any] | None) -> dict[str, Any]:
    return {**files, "project": {"name": "chain", **({"storage": storage} if storage else {})}}


def chain_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    chain = Chain(home, monkeypatch)
    (chain.root / ".dvc" / "config").write_text("[core]\n    analytics = false\n    no_scm = true\n")
    for module in ("kinds.staged.stages", "kinds.package", "monitoring.learned"):
        monkeypatch.setattr(f"mlops.{module}.checkout", checkout)
    return chain


def clone_of(chain: Chain, home: Path, monkeypatch: pytest.MonkeyPatch) -> Chain:
    """What git would bring to another machine."""
    made = chain_in(home, monkeypatch)
    shutil.copytree(chain.root, made.root, ignore=NOT_COPIED, dirs_exist_ok=True)
    for kind in ("dataset", "model"):
        shutil.copytree(chain.root / "conf" / kind, made.root / "conf" / kind, dirs_exist_ok=True)
    return made


def apply(chain: Chain) -> MlopsError | None:
    opened = Project.open(chain.root)
    return opened.carry_out(opened.plan()).error


def ran(chain: Chain) -> set[str]:
    """The stages that ran, or whose entries were written."""
    return {what.split()[0] for what in chain.doors.done if "@" in what.split()[0]}


def pending(chain: Chain) -> dict[Address, Change]:
    return {change.address: change for change in chain.plan()}


def texts(chain: Chain, at: Address) -> list[str]:
    return [reason.text for reason in pending(chain)[at].reasons]


def outputs(chain: Chain, at: Address) -> Mapping[str, Any]:
    return Project.open(chain.root).store.records()[at].outputs


def unanswered(remote: Remote, md5: str) -> None:
    raise AssertionError("the remote was asked")


@pytest.mark.parametrize("storage", ["folder", "s3"], indirect=True)
def test_clone_makes_nothing_and_serves_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, storage: Mapping[str, Any]
) -> None:
    first = chain_in(tmp_path / "first", monkeypatch)
    declare(first.root, project(FILES, storage))
    assert apply(first) is None
    with monkeypatch.context() as quiet:
        quiet.setattr(Remote, "_ask", unanswered)  # what was pushed is known
        assert first.plan() == []
    second = clone_of(first, tmp_path / "second", monkeypatch)
    assert not {DATA, MODEL} & set(pending(second))
    assert apply(second) is None
    assert ran(second) == set()
    assert outputs(second, ENDPOINT)["model_digest"] == outputs(first, ENDPOINT)["model_digest"]
    with monkeypatch.context() as quiet:
        quiet.setattr(Remote, "_ask", unanswered)
        assert second.plan() == []
    declare(second.root, project(with_("model/late", trainer={"max_epochs": 5}), storage))
    assert apply(second) is None
    assert ran(second) == {"train@late", "evaluate@late", "export@late"}
    for file in second.root.rglob("*"):
        assert not file.is_file() or not any(text.encode() in file.read_bytes() for text in (KEY, SECRET)), file


def test_remote_that_does_not_answer_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: Bucket
) -> None:
    chain = chain_in(tmp_path, monkeypatch)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        declare(chain.root, project(FILES, in_bucket(f"http://127.0.0.1:{closed.getsockname()[1]}")))
        error = apply(chain)
    assert error is not None
    assert error.problems[0].summary == "remote cannot be reached"
    assert "s3://models/small could not be written" in error.problems[0].detail
    assert SECRET not in str(error)
    assert ran(chain) == {"prepare@rows"}
    chain.doors.done.clear()
    declare(chain.root, project(FILES, in_bucket(bucket.endpoint)))
    change = pending(chain)[DATA]
    assert (change.category, change.action) == ("METADATA", Action.UPDATE), change
    assert texts(chain, DATA) == ["data/rows is not in s3://models/small yet"]
    assert apply(chain) is None
    assert ran(chain) == {"train@late", "evaluate@late", "export@late"}
    assert chain.plan() == []


def test_plan_of_a_clone_goes_on_where_the_remote_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: Bucket
) -> None:
    first = chain_in(tmp_path / "first", monkeypatch)
    declare(first.root, project(FILES, in_bucket(bucket.endpoint)))
    assert apply(first) is None
    second = clone_of(first, tmp_path / "second", monkeypatch)
    bucket.server.stop()
    plan = Project.open(second.root).plan()
    assert [item.summary for item in plan.attention] == ["the remote could not be asked"]
    assert not [c for c in plan.changes if c.action.runs_again]
    error = apply(second)
    assert error is not None
    assert "s3://models/small could not be read" in error.problems[0].detail
    assert ran(second) == set()


def test_push_that_ended_half_way_is_finished_by_the_next_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: Bucket
) -> None:
    chain = chain_in(tmp_path, monkeypatch)
    declare(chain.root, project(FILES, in_bucket(bucket.endpoint)))
    assert apply(chain) is None
    whole = bucket.names()
    for name in [name for name in whole if name.endswith(".dir")] + whole[:2]:
        bucket.remove(name)
    shutil.rmtree(chain.root / ".mlops" / "cache" / "remote")
    chain.doors.done.clear()
    assert {change.category for change in pending(chain).values()} == {"METADATA"}
    assert apply(chain) is None
    assert bucket.names() == whole
    assert ran(chain) == set()
    assert chain.plan() == []


def test_what_an_object_store_lost_is_noticed_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: Bucket
) -> None:
    first = chain_in(tmp_path / "first", monkeypatch)
    declare(first.root, project(FILES, in_bucket(bucket.endpoint)))
    assert apply(first) is None
    second = clone_of(first, tmp_path / "second", monkeypatch)
    assert not {DATA, MODEL} & set(pending(second))
    for name in bucket.names():
        bucket.remove(name)
    assert apply(second) is not None
    reasons = texts(second, MODEL)
    assert "models/late/export is not on this machine, and s3://models/small does not have it" in reasons
    assert apply(second) is None


def test_first_plan_of_a_clone_without_remote_frightens_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = chain_in(tmp_path / "first", monkeypatch)
    declare(first.root, project(FILES, None))
    assert apply(first) is None
    second = clone_of(first, tmp_path / "second", monkeypatch)
    assert texts(second, DATA) == ["data/rows was not made on this machine yet"]
    shutil.rmtree(first.root / "data")
    shutil.rmtree(first.root / ".dvc" / "cache")
    assert texts(first, DATA) == ["data/rows is not on this machine"]
