"""Find the prediction log of an endpoint.

Lives here: endpoint_name and log_part of a uri, log_folders, FINGERPRINT.
Not here: reading the log (workloads.prediction_log), joining labels (workloads.data.sources.endpoint).
Law: a window that is over is read once and stays pinned, until somebody asks for fresh data.
"""

from __future__ import annotations

from pathlib import Path

from mlops.sources.source import RemoteFingerprint

PARTS = ("predictions", "feedback")
FINGERPRINT = RemoteFingerprint()
_SCHEME = "endpoint://"


def endpoint_name(uri: str) -> str:
    """Return the name of the endpoint."""
    return uri.removeprefix(_SCHEME).partition("/")[0]


def log_part(uri: str) -> str:
    """Return what of the log is read: `predictions`, or `feedback`."""
    return uri.removeprefix(_SCHEME).partition("/")[2]


def log_folders(root: Path, environment: str, name: str) -> list[Path]:
    """Return the folders that hold the log of an endpoint of this machine, on whatever stack it runs."""
    return sorted((root / ".mlops" / "run" / environment).glob(f"*/endpoints/{name}/log"))
