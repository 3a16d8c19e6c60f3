from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pulumi.automation.errors import ConcurrentUpdateError

from tests.cluster.api import Api, until
from tests.cluster.trial import Place
from tests.cluster.world import GROUP

HOLD = ["tests.example.org/hold"]


@contextmanager
def update(place: Place) -> Iterator[subprocess.Popen[bytes]]:
    """The plain command's `pulumi up` of the same stack, running; killed in the end if it still runs."""
    folder = place.trial.write()
    words = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", "test"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            words, cwd=folder, env={**os.environ, **place.trial.env}, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def children(process: int) -> list[int]:
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == process and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def end(plugins: list[int]) -> None:
    """Kill what a killed engine left: Pulumi's own plug-in looks for its engine every five minutes, and goes on until then."""
    for one in plugins:
        with suppress(ProcessLookupError):
            os.kill(one, signal.SIGKILL)


@contextmanager
def held(place: Place) -> Iterator[None]:
    """The ConfigMap, which a finalizer keeps from being gone: its replacement hangs in the middle."""
    path = place.path("configmaps", "config")
    place.admin.patch(path, {"metadata": {"finalizers": HOLD}})
    try:
        yield
    finally:
        if place.admin.exists(path) and place.admin.get(path)["metadata"].get("finalizers"):
            place.admin.patch(path, {"metadata": {"finalizers": None}})


def is_leaving(place: Place) -> bool:
    return "deletionTimestamp" in place.admin.get(place.path("configmaps", "config"))["metadata"]


def test_a_second_update_is_refused_at_once_and_a_killed_one_is_taken_up_again(applied: Place) -> None:
    applied.world.setting = "two"
    with held(applied), update(applied) as running:
        until(lambda: is_leaving(applied), "the replacement under way")
        with pytest.raises(ConcurrentUpdateError):
            applied.trial.up()
        plugins = children(running.pid)
        assert len(plugins) == 2
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        end(plugins)
    with pytest.raises(ConcurrentUpdateError):
        applied.trial.up()
    applied.trial.stack.cancel()
    applied.trial.up()
    assert applied.admin.get(applied.path("configmaps", "config"))["data"] == {"setting": "two"}
    assert applied.trial.preview(refresh=True).is_empty


@pytest.fixture
def widgets(admin: Api) -> Iterator[dict[str, object]]:
    """A kind that nobody has defined yet, so that the creation of one waits; in the end it is taken away."""
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    names = {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"}
    yield {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    if admin.exists(path := f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.{GROUP}"):
        admin.delete(path)


def pending(place: Place) -> list[str]:
    """The kinds of operation that the stack's state has open."""
    (path,) = (Path(place.trial.env["PULUMI_BACKEND_URL"][7:]) / ".pulumi" / "stacks").rglob("test.json")
    latest = json.loads(path.read_text())["checkpoint"]["latest"] or {}
    return [item["type"] for item in latest.get("pending_operations") or []]


def test_a_create_that_was_killed_is_cleared_then_adopted(applied: Place, widgets: dict[str, object]) -> None:
    applied.world.widget = True
    with update(applied) as running:
        until(lambda: "creating" in pending(applied), "the widget's creation under way")
        plugins = children(running.pid)
        os.kill(running.pid, signal.SIGKILL)
        end(plugins)
    applied.trial.stack.cancel()
    kinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    applied.admin.post(kinds, widgets)
    path = applied.path("widgets", "widget", f"apis/{GROUP}/v1")
    until(lambda: applied.admin.exists(path.removesuffix("/widget")), "the kind served")
    # As if the killed process had come that far: the object is there, the state does not know it.
    applied.admin.post(
        path.removesuffix("/widget"), {"apiVersion": f"{GROUP}/v1", "kind": "Widget", "metadata": {"name": "widget"}}
    )
    applied.trial.refresh(clear_pending_creates=True)
    assert pending(applied) == []
    assert applied.trial.up().changes == {"widget": ("create", {})}
    assert applied.trial.preview(refresh=True).is_empty


def test_a_deletion_that_does_not_end_is_given_up_with_what_holds_it(place: Place) -> None:
    place.world.patience = "1"
    place.trial.up()
    place.world.setting = "two"
    told = rf"finalizers might be preventing deletion \({HOLD[0]}\)\s+error: timed out waiting"
    with held(place):
        assert re.search(told, place.trial.refused("up"))
    assert place.trial.up().changes == {"config": ("replace", {"data.setting": "update-replace"})}
