"""What a data set means.

Lives here: DatasetKind.
Not here: making one (workloads.data).
Law: what dvc.lock pins is what is recorded, for everybody who shares the repository.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.schema.category import Category
from mlops.context.effects import KEEPS_OUTPUTS, effect_of
from mlops.context.inputs import metadata_fields, without_fields
from mlops.context.status import Status
from mlops.engine.resource import Action, Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError
from mlops.kinds.base import BaseKind
from mlops.kinds.staged.code import moved_files
from mlops.kinds.staged.outputs import push_outputs, remote_attention, unpushed_of
from mlops.kinds.staged.params import dataset_code, dataset_params
from mlops.kinds.staged.restore import LOCKED, lock_entries_of, restore_stages
from mlops.kinds.staged.stages import make, stale_of
from mlops.sources.source import fingerprint_of


class DatasetKind(BaseKind):
    name = "dataset"
    keeping = KEEPS_OUTPUTS
    created = effect_of(Category.REPROCESS)
    deleted = Effect(Category.DESTROY.value, Category.DESTROY.rank, Action.FORGET)

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        stage = f"prepare@{address.name}"
        locked = self.context.lock.get(stage)
        if desired is None:
            return Observed(record)
        if locked is None:
            return Observed(record, exists=False) if record else Observed(None, exists=False)
        pinned = locked.params.get(f"params/dataset/{address.name}.json", {}).get("prepare", {})
        inputs = {**without_fields(pinned, "fingerprint", "code"), **metadata_fields(record, desired.inputs)}
        digest = locked.outs.get(f"data/{address.name}", "")
        same = record is not None and record.outputs.get("digest") == digest
        kept = dict(record.outputs) if record and same else {}
        locked_outputs = {} if same else {LOCKED: lock_entries_of(self.context, [stage])}
        protect = record.protect if record else desired.protect
        truth = Record(
            address, inputs, {**kept, "digest": digest, **locked_outputs}, {}, (), protect, record.complete if record and same else True,
            record.serial if record else 0, record.extra if record else {}, record.rolled_back_to if record and same else None,
        )  # fmt: skip
        stale = [
            *self._moved(desired, pinned),
            *stale_of(self.context, stage, self.created, recorded=same),
            *unpushed_of(self.context, [stage], record),
        ]
        return Observed(truth, adopted=not same, stale=tuple(stale), attention=remote_attention(self.context, address))

    def pinned(self, address: Address) -> dict[str, Any] | None:
        """The inputs that dvc.lock holds of it; None where it holds none."""
        locked = self.context.lock.get(f"prepare@{address.name}")
        if locked is None:
            return None
        pinned = locked.params.get(f"params/dataset/{address.name}.json", {}).get("prepare", {})
        return without_fields(pinned, "fingerprint", "code") or None

    def _moved(self, desired: Desired, pinned: Mapping[str, Any]) -> list[Stale]:
        """Sources and code that are not what dvc.lock pins, each with its own sentence."""
        stale: list[Stale] = []
        prints = pinned.get("fingerprint", {})
        for name, source in desired.inputs["sources"].items():
            try:
                now = fingerprint_of(source, root=self.context.root, digests=self.context.hashes)
            except MlopsError as error:
                problem = error.problems[0]
                stale.append(Stale(Reason(f"source {name}: {problem.detail}"), self.created))
                continue
            if name in prints and prints[name] != now:
                stale.append(Stale(Reason(f"source {name} changed on disk ({source['uri']})"), self.created))
        if moved := moved_files(pinned.get("code"), dataset_code(desired.inputs, self.context)):
            stale.append(Stale(Reason(f"the code that prepares data changed: {moved}"), self.created))
        return stale

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        seconds = record.outputs.get("seconds") if record else None
        return (f"about {seconds:.0f} s (as last time)",) if seconds and category == Category.REPROCESS else ()

    def create(self, step: Step) -> Outcome:
        stage = f"prepare@{step.address.name}"
        resource = self.context.resources[step.address]
        lock, seconds = make(self.context, step, dataset_params(resource, self.context), [stage])
        profile = _json(self.context.root / "data" / step.address.name / "profile.json")
        rows = profile["rows"]
        columns = len(profile["columns"])
        outputs = {
            "digest": lock[stage].outs[f"data/{step.address.name}"], "rows": rows, "columns": columns,
            "seconds": round(seconds, 1) or (step.recorded.outputs.get("seconds", 0.0) if step.recorded else 0.0),
            "newest": profile.get("newest"), LOCKED: lock_entries_of(self.context, [stage]),
        }  # fmt: skip
        outcome = Outcome(outputs, f"{rows['source']:,} → {rows['result']:,} rows, {columns} columns")
        push_outputs(self.context, step, [stage], outcome)
        return outcome

    def status(self, record: Record) -> Status:
        rows = record.outputs.get("rows", {}).get("result")
        return Status(f"{rows:,} rows" if rows else "made elsewhere")

    def pins(self, desired: Desired) -> Mapping[str, str]:
        code = json.dumps(dataset_code(desired.inputs, self.context))
        sources = desired.inputs["sources"].items()
        return {
            f"code of {desired.address}": hashlib.md5(code.encode(), usedforsecurity=False).hexdigest(),
            **{f"source {desired.address}.{name}": self._fingerprint(source) for name, source in sources},
        }

    def _fingerprint(self, source: Mapping[str, Any]) -> str:
        try:
            return fingerprint_of(source, root=self.context.root, digests=self.context.hashes)
        except MlopsError:
            return "missing"

    @property
    def restored(self) -> Effect:
        return effect_of(Category.RESTORE)

    def restore(self, step: Step) -> Outcome:
        """Put back the data that were prepared then; nothing is prepared."""
        outputs = restore_stages(self.context, step, [f"prepare@{step.address.name}"])
        return Outcome(outputs, "taken from what is kept; nothing ran")

    def delete(self, step: Step) -> None:
        """Files, lock entry and cache stay."""


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise MlopsError.of(
            "output is damaged", f"{path} cannot be read: {error}. Take its folder away and apply again."
        ) from error
