"""A start that waits for a node or an image, and one that waits for nothing."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.targets.kubernetes.arriving import arriving, wait_until_ready

NO_NODE = {"conditions": [{"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available"}]}


def waiting(reason: str) -> dict[str, Any]:
    return {
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        "containerStatuses": [{"state": {"waiting": {"reason": reason}}}],
    }


@pytest.mark.parametrize(
    ("status", "events", "said"),
    [
        (NO_NODE, [], None),
        (NO_NODE, ["FailedScheduling: 0/3 nodes"], None),
        (NO_NODE, ["TriggeredScaleUp: pod triggered scale-up: [{pool 0->1}]"], "a node is being added"),
        (NO_NODE, ["Nominated: Pod should schedule on: nodeclaim/gpu-x"], "a node is being made"),
        (waiting("ContainerCreating"), [], "being brought"),
        (waiting("PodInitializing"), [], "being brought"),
        (waiting("ContainerCreating"), ['FailedMount: secret "late" not found'], None),
        (waiting("ImagePullBackOff"), [], None),
        (waiting("CrashLoopBackOff"), [], None),
        ({"containerStatuses": [{"state": {"running": {}}}]}, [], None),
        ({}, [], None),
    ],
)
def test_what_is_still_done_for_a_pod_is_told_from_what_will_never_come(
    status: dict[str, Any], events: list[str], said: str | None
) -> None:
    found = arriving({"status": status}, lambda: events)
    assert found is None if said is None else said in str(found)


class Time:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def wait(ready_at: float, arrives_until: float, timeout: float = 20.0) -> tuple[str | None, float]:
    clock = Time()
    found = wait_until_ready(
        lambda: None if clock.now >= ready_at else "0 of 2 pods are ready",
        lambda: ["an image comes"] if clock.now < arrives_until else [], timeout,
        clock=clock, sleep=clock.sleep,
    )  # fmt: skip
    return found, clock.now


def test_time_in_which_an_image_comes_does_not_count() -> None:
    assert wait(ready_at=610, arrives_until=600) == (None, 610)


def test_a_program_that_does_not_start_is_given_up_after_its_time() -> None:
    assert wait(ready_at=10_000, arrives_until=0) == ("0 of 2 pods are ready", 20)
    found, after = wait(ready_at=10_000, arrives_until=600)
    assert found == "0 of 2 pods are ready"
    assert 619 <= after <= 621


def test_what_never_arrives_is_given_up_after_half_an_hour() -> None:
    found, after = wait(ready_at=10_000, arrives_until=10_000)
    assert found == "0 of 2 pods are ready; an image comes"
    assert 1800 <= after <= 1801
