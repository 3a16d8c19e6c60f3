"""Say how tables of database servers are fingerprinted.

Lives here: FINGERPRINT.
Not here: asking (workloads.data.sources).
Law: a plan asks each time where the data set says what to ask, and else keeps what is pinned.
"""

from __future__ import annotations

from mlops.sources.source import RemoteFingerprint

FINGERPRINT = RemoteFingerprint(asks_always=lambda source: bool(source.get("version_query")))
