"""Pin the file of a model that was trained elsewhere.

Lives here: model_fingerprint.
Not here: reading the file (workloads.training.families.imported), which fields name one (config.schema.families).
Law: the same bytes have the same fingerprint, wherever the project lies; no network is asked.
"""

from __future__ import annotations

from pathlib import Path

from mlops.sources.source import Digests, fingerprint_of, scheme_of


def model_fingerprint(uri: str, sha256: str | None, *, root: Path, digests: Digests) -> str:
    """Return the digest of a file, or of the names and bytes of a folder; behind an address, what the YAML says of it. Raises
    MlopsError where nothing is there."""
    if scheme_of(uri) != "file":
        return f"sha256 {sha256}"
    return fingerprint_of({"uri": uri, "format": "text"}, root=root, digests=digests)
