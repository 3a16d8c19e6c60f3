"""Find the snapshots of Iceberg tables.

Lives here: IcebergTable, what the newest metadata of a table says; locate, fingerprint and snapshot_of.
Not here: reading the rows (workloads.data.sources.iceberg).
Law: a snapshot is its number and the table's own number, so that a table that was made anew is another.
Format: https://iceberg.apache.org/spec/#table-metadata-fields; how files are named:
https://iceberg.apache.org/spec/#appendix-e-format-version-changes and version-hint.text of Hadoop tables.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError
from mlops.sources.source import Digests

_SCHEME = "iceberg://"
_ENDING = ".metadata.json"
_PACKED = ".gz.metadata.json"
_NUMBER = re.compile(r"v?(\d+)")


@dataclass(frozen=True)
class IcebergTable:
    """A table. `folder`: holds the folder `metadata`. `file`: its newest metadata, `content` what stands in it."""

    folder: Path
    file: Path
    content: Mapping[str, Any]

    @property
    def is_packed(self) -> bool:
        return self.file.name.endswith(_PACKED)

    @property
    def version(self) -> str:
        """Return the name of the metadata file without its endings."""
        return self.file.name.removesuffix(_PACKED if self.is_packed else _ENDING)

    @property
    def was_moved(self) -> bool:
        """Say whether the table lies elsewhere than its metadata says."""
        said = str(self.content.get("location", "")).removeprefix("file://").rstrip("/")
        return Path(said) != self.folder

    def fingerprint_of(self, snapshot: int) -> str:
        """Return what names one snapshot of this table."""
        table = hashlib.md5(str(self.content.get("table-uuid")).encode(), usedforsecurity=False).hexdigest()
        return f"{snapshot}-{table}"


def locate(uri: str, root: Path) -> IcebergTable:
    """Return the table. Raises MlopsError where there is none, or its newest metadata cannot be told."""
    path = root.absolute() / uri.removeprefix(_SCHEME)
    file = path if path.name.endswith(_ENDING) and path.is_file() else _newest(uri, path)
    try:
        text = gzip.decompress(file.read_bytes()) if file.name.endswith(_PACKED) else file.read_bytes()
        content = json.loads(text)
    except (OSError, ValueError) as error:
        raise MlopsError.of("source cannot be read", f"{file} is no metadata of an Iceberg table: {error}.") from error
    return IcebergTable(file.parent.parent, file, content)


def fingerprint(source: Mapping[str, Any], *, root: Path, digests: Digests) -> str:
    """Return what names the newest snapshot. Raises MlopsError."""
    table = locate(source["uri"], root)
    snapshot = table.content.get("current-snapshot-id")
    if snapshot is None or snapshot < 0:
        raise MlopsError.of("empty source", f"`{source['uri']}` has no snapshot, and so no rows.")
    return table.fingerprint_of(snapshot)


def snapshot_of(fingerprint: str, uri: str, table: IcebergTable) -> int:
    """Return the snapshot that the fingerprint names. Raises MlopsError where the table no longer has it."""
    for snapshot in table.content.get("snapshots", ()):
        if table.fingerprint_of(snapshot["snapshot-id"]) == fingerprint:
            return int(snapshot["snapshot-id"])
    raise MlopsError.of(
        "source is not the pinned one",
        f"`{uri}` has no snapshot {fingerprint.partition('-')[0]}, which params/ pins; it expired, or the table was made anew. "
        "Run `mlops render`, and look at the plan.",
    )


def _newest(uri: str, folder: Path) -> Path:
    """Return the newest metadata: what version-hint.text names, else the file of the highest number."""
    metadata = folder / "metadata"
    hint = metadata / "version-hint.text"
    if hint.is_file():
        said = hint.read_text().strip()
        names = [f"{start}{said}{end}" for start in ("v", "") for end in (_ENDING, _PACKED)]
        found = [metadata / name for name in names if (metadata / name).is_file()]
    else:
        numbered: dict[int, list[Path]] = {}
        for path in metadata.glob(f"*{_ENDING}"):
            if number := _NUMBER.match(path.name):
                numbered.setdefault(int(number[1]), []).append(path)
        found = numbered[max(numbered)] if numbered else []
    if not found:
        raise MlopsError.of(
            "source not found", f"`{uri}` is no Iceberg table: {metadata} holds no `*{_ENDING}`. Correct `uri`."
        )
    if len(found) > 1:
        raise MlopsError.of(
            "unclear source",
            f"`{uri}` has several newest files of metadata: {', '.join(sorted(path.name for path in found))}. Name one of them "
            f"in `uri`: {uri.rstrip('/')}/metadata/{found[0].name}",
        )
    return found[0]
