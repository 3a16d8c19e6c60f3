"""Take up certificates that were renewed.

Lives here: Renewal, which the gatekeeper looks with; tls_file, which says where the certificates of a stack lie.
Not here: what the gateway is given by an apply (gate.tls_of), its files (tools.envoy).
Law: what whoever renews has written half is never taken up: a file counts once it stays as it is, and a key that fits its certificate.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.errors import MlopsError
from mlops.targets.local.files import read_mapping, write_private
from mlops.tools.envoy import EnvoyGateway

if TYPE_CHECKING:
    from mlops.config.schema.targets.local import TlsFiles

_FILE = "tls.json"
_FIELDS = ("certificate", "key", "client_ca")


def tls_file(folder: Path, tls: TlsFiles | None, root: Path) -> None:
    """Note in the stack's folder which files its certificates come from; those that are secrets come with an apply alone."""
    said = {field: getattr(tls, field, None) for field in _FIELDS}
    found = {field: str(root / one) for field, one in said.items() if isinstance(one, str)}
    if found != read_mapping(folder / _FILE):
        write_private(folder / _FILE, found)


class Renewal:
    """`folder`: of the stack."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: Mapping[str, tuple[int, int]] = {}
        self._taken: Mapping[str, tuple[int, int]] = {}

    def look(self, gateway: EnvoyGateway) -> bool:
        """Give the gateway what is another now, and say whether anything was. Raises MlopsError where files do not fit together, and
        OSError where one cannot be read."""
        paths = read_mapping(self._folder / _FILE)
        now = {field: _stamp(Path(path)) for field, path in paths.items()}
        is_settled, self._seen = now == self._seen, now
        if not now or not is_settled or now == self._taken:
            return False
        self._taken = now
        if "certificate" in paths and "key" in paths:
            _see_that_they_fit(paths["certificate"], paths["key"])
        return gateway.renew({field: Path(path).read_text() for field, path in paths.items()})


def _stamp(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size


def _see_that_they_fit(certificate: str, key: str) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            certificate, key, password=""
        )  # else it asks a terminal for one
    except ssl.SSLError as error:
        raise MlopsError.of(
            "certificate is not taken up",
            f"{certificate} and {key} do not fit together ({error.reason or error}); the gateway goes on with what it has.",
        ) from error
