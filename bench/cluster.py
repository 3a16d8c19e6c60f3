"""How long many endpoints on one cluster take.

Lives here: the rows of 200 endpoints on one stack.
Not here: the cluster (tests.cluster).
Law: a real API server and the real engine; it takes minutes, so it runs on request: BENCH_CLUSTER=200, the number of
endpoints. There is no peer: nothing else plans endpoints with their models.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bench.command import BIN, Peer, costs_of, row


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
        stack.enter_context(serving(place, folder / "serving"))
        place.edit("conf/stack/gpu.yaml", "memory: 200Gi", "memory: 2000Gi")
        place.mlops("apply", "--yes")
        stack.enter_context(gone_afterwards(place))
        many = "\n".join(["for_each:", *(f"  n{number}: {{}}" for number in range(count - 1))])
        (place.root / "conf/endpoint/more.yaml").write_text(f"{ENDPOINT}{many}\n")
        begun = time.perf_counter()
        place.mlops("apply", "--yes")
        applied = time.perf_counter() - begun
        os.environ.update(place.env)
        cost = costs_of([Peer([str(BIN / "mlops"), "plan", "--detailed-exitcode"], place.root)], repeat)[0]
        return [
            row(f"{count} endpoints on one stack, apply of all but one, s", applied),
            row(f"{count} endpoints on one stack, plan without changes, s", cost.seconds),
            row(f"{count} endpoints on one stack, plan without changes, peak MB", cost.megabytes),
        ]
