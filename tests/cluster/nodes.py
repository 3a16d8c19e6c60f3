"""The fake machines of the test cluster.

Lives here: node objects with GPU labels, capacity and taints, as the NVIDIA device plug-in and feature discovery set them.
Not here: keeping them alive (KWOK does, with leases).
Law: GPU nodes are tainted, so a pod lands there only if it asks and tolerates.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

H100 = "NVIDIA-H100-80GB-HBM3"
L4 = "NVIDIA-L4"
FLEET = [(8, "h100", H100, 8), (4, "l4", L4, 1), (3, "cpu", None, 0)]


def fleet() -> Iterator[dict[str, Any]]:
    """8 nodes of 8 H100, 4 nodes of one L4, 3 without a GPU."""
    for count, name, product, gpus in FLEET:
        for index in range(count):
            yield node(f"{name}-{index}", product, gpus)


def node(name: str, product: str | None, gpus: int) -> dict[str, Any]:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": f"zone-{'abc'[int(name[-1]) % 3]}",
        "type": "kwok",
    }
    capacity = {"cpu": "96", "memory": "1Ti", "pods": "250", "ephemeral-storage": "1Ti"}
    taints = []
    if product:
        labels |= {
            "nvidia.com/gpu.product": product,
            "nvidia.com/gpu.count": str(gpus),
            "nvidia.com/gpu.present": "true",
        }
        capacity["nvidia.com/gpu"] = str(gpus)
        taints = [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        "spec": {"taints": taints},
        "status": {"allocatable": capacity, "capacity": capacity},
    }
