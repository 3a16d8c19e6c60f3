"""Kill applies of a stack on the test cluster at random moments, and look whether the next one reaches the same world.

`python -m tests.cluster.kill --kills 40`; `make torture` runs it too.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.cluster.api import Api
from tests.cluster.control_plane import control_plane
from tests.cluster.pulumi_home import pulumi_environment
from tests.cluster.workplace import NAMESPACE, ClusterPlace, cluster_project, gone_afterwards, make_volume
from tests.e2e.conftest import BIN

POLICIES = f"/apis/networking.k8s.io/v1/namespaces/{NAMESPACE}/networkpolicies"
QUOTA = f"/api/v1/namespaces/{NAMESPACE}/resourcequotas/mlops"
LONGEST = 4.0
"""Seconds of an apply of the stack."""


def torture(place: ClusterPlace, admin: Api, kills: int, seed: int) -> int:
    """Each round changes the quota and takes policies away, kills the apply of it up to three times, alone or with all
    that it started, and applies to the end. The kills that hit."""
    chance, hits, rounds = random.Random(seed), 0, 0
    while hits < kills:
        rounds += 1
        gpus = chance.randrange(2, 99)
        words = ["--target", "stack.gpu", f"stack.gpu.quota.gpus={gpus}"]
        for policy in admin.items(POLICIES):
            if chance.random() < 0.5:
                admin.delete(f"{POLICIES}/{policy['metadata']['name']}")
        for _ in range(chance.choice([1, 2, 3])):
            hits += kill_once(place, chance.uniform(0.5, LONGEST), words, with_all=chance.random() < 0.5)
        place.mlops("apply", "--yes", *words)
        assert "stack.gpu" not in place.words(*words[2:])
        assert len(admin.items(POLICIES)) == 4
        assert admin.get(QUOTA)["spec"]["hard"]["requests.nvidia.com/gpu"] == str(gpus)
        print(f"{time.strftime('%H:%M:%S')} round {rounds}: {hits} kills", flush=True)
    return hits


def kill_once(place: ClusterPlace, after: float, words: list[str], *, with_all: bool) -> bool:
    """Whether it was killed before it ended."""
    process = subprocess.Popen(
        [BIN / "mlops", "apply", "--yes", *words], cwd=place.root, env=place.env, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        process.wait(after)
        return False
    except subprocess.TimeoutExpired:
        (os.killpg if with_all else os.kill)(process.pid, signal.SIGKILL)
        process.wait()
        return True


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    told = parser.parse_args()
    print(f"seed {told.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mlops-kill-") as folder, control_plane() as plane:
        make_volume(plane.api())
        place = cluster_project(Path(folder) / "project", pulumi_environment(Path(folder), plane.kubeconfig))
        with gone_afterwards(place):
            place.mlops("apply", "--yes", "--target", "stack.gpu")
            hits = torture(place, plane.api(), told.kills, told.seed)
    print(f"{hits} kills, and each time the next apply reached the same world")
    return 0


if __name__ == "__main__":
    sys.exit(main())
