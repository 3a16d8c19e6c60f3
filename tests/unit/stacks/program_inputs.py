"""What the programs are given in these tests: the plainest and the fullest of each."""

from __future__ import annotations

from typing import Any

DIGEST = "registry.example/ml/delay@sha256:" + "0" * 64
PLATFORM: dict[str, Any] = {"namespace": "ml"}
FULL_PLATFORM: dict[str, Any] = {
    **PLATFORM,
    "gpus": 4,
    "quota": {"requests.cpu": "64"},
    "storage": {"storage_class": "fast", "size": "50Gi"},
    "gateway_namespace": "gateway",
    "metrics_namespace": "metrics",
    "pull_secrets": ["registry"],
    "annotations": {"training": {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/train"}},
}
TENANT: dict[str, Any] = {**PLATFORM, "manage": ["accounts", "network"]}
TERMS: dict[str, Any] = {
    "node_selector": {"pool": "models"},
    "tolerations": [
        {"key": "dedicated", "value": "models", "effect": "NoSchedule"},
        {"operator": "Exists", "effect": "NoExecute", "seconds": 60},
    ],
    "affinity": {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}]
            }
        },
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 5,
                    "podAffinityTerm": {
                        "labelSelector": {"matchLabels": {"noisy": "yes"}},
                        "topologyKey": "kubernetes.io/hostname",
                    },
                }
            ]
        },
    },
    "labels": {"example.com/team": "delays"},
    "annotations": {"sidecar.istio.io/inject": "false"},
    "env": {"HTTPS_PROXY": "http://proxy.example.com:3128"},
    "scratch": "40Gi",
}
TRAINING: dict[str, Any] = {
    "namespace": "ml",
    "name": "delay",
    "job": "delay-1f0c",
    "image": DIGEST,
    "command": ["python3", "run.py"],
}
FULL_TRAINING: dict[str, Any] = {
    **TRAINING,
    "pods": 2,
    "gpus": 4,
    "product": "NVIDIA-H100-80GB-HBM3",
    "spot": True,
    "priority_class": "ml-training",
    "files": {"params/model/delay.json": "{}", ".dvc/config": "[core]"},
    "env": {"DVC_NO_ANALYTICS": "true"},
    "secrets": ["REMOTE_KEY"],
    "pod": TERMS,
}
SERVING: dict[str, Any] = {
    "namespace": "ml",
    "name": "delay",
    "versions": {"v1": {"image": DIGEST, "tag": "delay:1"}},
    "parent": {"name": "gateway"},
}
FULL_SERVING: dict[str, Any] = {
    **SERVING,
    "versions": {
        "v1": {"image": DIGEST, "tag": "delay:1", "replicas": 2},
        "v2": {"image": DIGEST, "tag": "delay:2"},
        "v0": {"image": DIGEST, "tag": "delay:0", "replicas": 0},
    },
    "weights": {"v1": 90, "v2": 10, "v0": 0},
    "parent": {"name": "gateway", "namespace": "gateways", "hostname": "models.example", "scheme": "https"},
    "autoscale": {"most": 8, "cpu": 70, "rate": 200},
    "log": {},
    "secrets": ["api_key"],
    "priority_class": "ml-serving",
    "pod": TERMS,
}
WATCHING: dict[str, Any] = {
    "namespace": "ml",
    "name": "delay-drift",
    "endpoint": "delay",
    "image": DIGEST,
    "command": ["python3", "-m", "mlops.workloads.monitoring.watcher", "/etc/mlops/watcher.json"],
    "files": {"watcher.json": "e30=", "baseline/profile.bin": "AAE="},
}
FULL_WATCHING: dict[str, Any] = {
    **WATCHING,
    "schedule": "0 * * * *",
    "secrets": ["WEBHOOK"],
    "claim": None,
    "pod": TERMS,
}
SCORING: dict[str, Any] = {
    "namespace": "ml",
    "name": "delay-nightly",
    "image": DIGEST,
    "files": {"config.json": "e30=", "model/model.onnx": "AAE="},
    "schedule": "0 6 * * *",
}
FULL_SCORING: dict[str, Any] = {**SCORING, "schedule": None, "secrets": ["WEBHOOK"], "env": {"TZ": "UTC"}, "pod": TERMS}
SECRETS = {"REMOTE_KEY": "remote hush", "api_key": "key hush", "WEBHOOK": "hook hush"}
ALL: dict[str, tuple[str, dict[str, Any]]] = {
    "platform": ("platform", PLATFORM),
    "platform, full": ("platform", FULL_PLATFORM),
    "platform, adopted": ("platform", {**PLATFORM, "adopt": True}),
    "platform, of a tenant": ("platform", TENANT),
    "training": ("training", TRAINING),
    "training, full": ("training", FULL_TRAINING),
    "serving": ("serving", SERVING),
    "serving, full": ("serving", FULL_SERVING),
    "watching": ("watching", WATCHING),
    "watching, full": ("watching", FULL_WATCHING),
    "scoring": ("scoring", SCORING),
    "scoring, full": ("scoring", FULL_SCORING),
}
