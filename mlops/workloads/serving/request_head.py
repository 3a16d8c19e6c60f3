"""Read the headers of a request.

Lives here: read_head, which keeps the headers that anything here looks at, and what two of them mean.
Not here: bodies (body), how they are compressed (content_coding).
Law: one look at each header; all others are left aside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlops.contracts.names import PROBE_HEADER

KeptHeaders = dict[bytes, bytes]
REQUEST_ID = b"x-request-id"
CONTENT_CODING = b"content-encoding"
ACCEPTED_CODING = b"accept-encoding"
JSON_LENGTH = b"inference-header-content-length"
"""Of the Open Inference Protocol's binary extension: how many bytes of a body are JSON."""
_PROBE = PROBE_HEADER.encode()
_READ = frozenset((REQUEST_ID, CONTENT_CODING, ACCEPTED_CODING, JSON_LENGTH, _PROBE))
_LOOPBACK = ("127.0.0.1", "::1")


def read_head(scope: Mapping[str, Any]) -> KeptHeaders:
    """Return the headers that are looked at; of one that stands twice, the last."""
    return {name: value for name, value in scope["headers"] if name in _READ}


def usable_id(given: str) -> str:
    """Return the id of a request as a log may hold it, or nothing."""
    return given if given.isascii() and given.isprintable() and not set('"\\') & set(given) else ""


def asks_itself(head: KeptHeaders, scope: Mapping[str, Any]) -> bool:
    """Say whether this machine asks itself; nobody else may hide from log and metrics. The gateway, which comes by a Unix
    socket, takes the header off."""
    if _PROBE not in head:
        return False
    client = scope.get("client")
    return not client or client[0] in _LOOPBACK


def is_own_machine(peer: str) -> bool:
    """Say whether a call came from this machine. `peer`: as grpc names it, `unix:…`, `ipv4:HOST:PORT` or `ipv6:[HOST]:PORT`."""
    kind, _, host = peer.partition(":")
    return kind == "unix" or host.rpartition(":")[0].strip("[]").replace("%5B", "").replace("%5D", "") in _LOOPBACK
