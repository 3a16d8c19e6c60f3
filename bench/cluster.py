"""How long a cluster takes.

Lives here: the rows of one stack's ground, and of many endpoints on a stack.
Not here: the cluster (tests.cluster).
Law: a real API server, the real engine and Pulumi's own plug-in; it takes minutes, so it runs on request: BENCH_CLUSTER=1 for the
ground alone, BENCH_CLUSTER=200 for so many endpoints too. There is no peer: nothing else plans endpoints with their models.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.command import BIN, Peer, costs_of, row

if TYPE_CHECKING:
    from tests.cluster.workplace import ClusterPlace


def rows(repeat: int) -> list[dict[str, Any]]:
    count = int(os.environ.get("BENCH_CLUSTER", "0"))
    if not count:
        print("  endpoints on a cluster take minutes; measure them with BENCH_CLUSTER=200", file=sys.stderr)
        return []
    from tests.cluster.control_plane import control_plane
    from tests.cluster.pulumi_home import pulumi_environment
    from tests.cluster.workplace import ENDPOINT, cluster_project, gone_afterwards, make_volume, serving

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlops-bench-")))
        plane = stack.enter_context(control_plane())
        make_volume(plane.api())
        place = cluster_project(folder / "project", pulumi_environment(folder, plane.kubeconfig))
        stack.enter_context(gone_afterwards(place))
        found = _ground(place, repeat)
        if count == 1:
            return found
        stack.enter_context(serving(place, folder / "serving"))
        place.edit("conf/stack/gpu.yaml", "memory: 200Gi", "memory: 2000Gi")
        place.mlops("apply", "--yes")
        many = "\n".join(["for_each:", *(f"  n{number}: {{}}" for number in range(count - 1))])
        (place.root / "conf/endpoint/more.yaml").write_text(f"{ENDPOINT}{many}\n")
        begun = time.perf_counter()
        place.mlops("apply", "--yes")
        applied = time.perf_counter() - begun
        os.environ.update(place.env)
        cost = costs_of([Peer([str(BIN / "mlops"), "plan", "--detailed-exitcode"], place.root)], repeat)[0]
        return [
            *found,
            row(f"{count} endpoints on one stack, apply of all but one, s", applied),
            row(f"{count} endpoints on one stack, plan without changes, s", cost.seconds),
            row(f"{count} endpoints on one stack, plan without changes, peak MB", cost.megabytes),
        ]


def _ground(place: ClusterPlace, repeat: int) -> list[dict[str, Any]]:
    """Time the plans and applies of a namespace with its quota, accounts, networks and claim."""
    target = ("--target", "stack.gpu")
    begun = time.perf_counter()
    place.mlops("apply", "--yes", *target)
    first = time.perf_counter() - begun
    count = len(place.record("stack.gpu")["outputs"]["prints"])
    taken: dict[str, list[float]] = {"plan": [], "edit": [], "apply": []}
    for turn in range(max(3, repeat)):
        edit = f"stack.gpu.quota.gpus={8 + turn}"
        for name, words in (
            ("edit", ["plan", *target, edit]),
            ("apply", ["apply", "--yes", *target, edit]),
            ("plan", ["plan", *target, edit]),
        ):
            begun = time.perf_counter()
            place.mlops(*words)
            taken[name].append(time.perf_counter() - begun)
    return [
        row(f"a namespace of {count} objects, first apply, s", first),
        row(f"a namespace of {count} objects, plan without changes, s", statistics.median(taken["plan"])),
        row(f"a namespace of {count} objects, plan of one edited line, s", statistics.median(taken["edit"])),
        row(f"a namespace of {count} objects, apply of it, s", statistics.median(taken["apply"])),
    ]
