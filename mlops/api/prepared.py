"""Gather what is known of a prepared data set.

Lives here: PreparedFacts, and prepared_facts.
Not here: preparing (workloads), drawing (render).
Law: what is not on this machine is told from dvc.lock and the state, or left out; nothing is fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.registry.committed import json_object

if TYPE_CHECKING:
    from mlops.api.project import Project

_SPLITS = ("train", "val", "test")
_SHOWN = ("min", "mean", "max")


@dataclass(frozen=True)
class PreparedFacts:
    """`columns`: as schema.json lists them. `profile`: column -> what the train split holds of it. `rows`: split -> count.
    `fingerprints`: source -> what pins it. `files`: split -> (md5, bytes) where the files are here."""

    digest: str = ""
    rows: Mapping[str, int] = field(default_factory=dict)
    columns: tuple[Mapping[str, Any], ...] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    oldest: str = ""
    newest: str = ""

    def column_rows(self) -> Iterator[dict[str, Any]]:
        """Yield a row for each column: its type, and what the train split holds of it."""
        for column in self.columns:
            held = self.profile.get(column["name"], {})
            shown = {name: held.get(name, "") for name in _SHOWN}
            most = ", ".join(str(value) for value, _ in held.get("most", [])[:3])
            yield {
                "column": column["name"], "type": column["type"], "feature": "yes" if column.get("feature") else "",
                "missing": held.get("missing", ""), "distinct": held.get("distinct", ""), **shown, "most often": most,
            }  # fmt: skip


def prepared_facts(project: Project, at: Address, *, digest: str | None = None) -> PreparedFacts:
    """Return what is known here. `digest`: of another version of the data than dvc.lock pins; nothing is known of its rows where it
    is not the one that lies here."""
    context = project.context()
    locked = context.lock.get(f"prepare@{at.name}")
    pinned = locked.outs.get(f"data/{at.name}", "") if locked else ""
    wanted = digest or pinned
    record = project.store.records().get(at)
    outputs = record.outputs if record is not None and record.outputs.get("digest") == wanted else {}
    params = (
        locked.params.get(f"params/dataset/{at.name}.json", {}).get("prepare", {})
        if locked and wanted == pinned
        else {}
    )
    folder = context.root / "data" / at.name
    is_here = folder.is_dir() and context.hashes.tree(folder) == wanted
    context.hashes.keep()
    read = (
        {name: json_object((folder / f"{name}.json").read_text()) for name in ("profile", "schema")} if is_here else {}
    )
    profile, schema = read.get("profile", {}), read.get("schema", {})
    counts = profile.get("rows") or outputs.get("rows") or {}
    types = outputs.get("types") or {}
    columns = schema.get("columns") or [{"name": name, "type": kind} for name, kind in types.items()]
    return PreparedFacts(
        wanted, {split: counts[split] for split in _SPLITS if split in counts}, tuple(columns), profile.get("columns", {}),
        params.get("fingerprint", {}), str(profile.get("oldest") or ""), str(profile.get("newest") or outputs.get("newest") or ""),
    )  # fmt: skip
