"""What a data set means.

Lives here: DatasetKind.
Not here: making one (workloads.data).
Law: what dvc.lock pins is what is recorded, for everybody who shares the repository.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.context.effects import KEEPS_OUTPUTS, effect_of
from mlops.context.inputs import metadata_fields, without_fields
from mlops.context.status import Status
from mlops.engine.plan import Change
from mlops.engine.resource import Action, Desired, Effect, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError, Problem
from mlops.kinds.base import BaseKind
from mlops.kinds.staged.code import moved_files
from mlops.kinds.staged.outputs import push_outputs, remote_attention, unpushed_of
from mlops.kinds.staged.params import dataset_code, dataset_params, upstream_folders, write_params_of
from mlops.kinds.staged.restore import LOCKED, lock_entries_of, restore_stages
from mlops.kinds.staged.schemas import DataSchemas, schema_problems
from mlops.kinds.staged.stages import make, stale_of
from mlops.sources.source import remote_fingerprint_of
from mlops.tools.dvc.reader import read_stages


class DatasetKind(BaseKind):
    name = "dataset"
    keeping = KEEPS_OUTPUTS
    created = effect_of(Category.REPROCESS)
    deleted = Effect(Category.DESTROY.value, Category.DESTROY.rank, Action.FORGET)

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        """References to secrets stay as they are written: a password that was changed changes no data."""
        desired = super().desire(resource, project)
        return replace(desired, inputs=dict(resource.inputs), effective=resource.effective)

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
        folders = upstream_folders(pinned.get("sources", {}))
        upstream = {f"dataset.{folder.removeprefix('data/')}:digest": locked.deps.get(folder) for folder in folders}
        truth = Record(
            address, inputs, {**kept, "digest": digest, **locked_outputs}, upstream, record.depends_on if record else (),
            protect, record.complete if record and same else True, record.serial if record else 0,
            record.extra if record else {}, record.rolled_back_to if record and same else None,
        )  # fmt: skip
        stale = [
            *self._moved(desired, pinned),
            *stale_of(self.context, stage, self.created, recorded=same, follows=folders),
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
                now = self.context.sources.of(desired.address.name, name, source)
            except MlopsError as error:
                problem = error.problems[0]
                stale.append(Stale(Reason(f"source {name}: {problem.detail}"), self.created))
                continue
            if name in prints and prints[name] != now:
                where = "" if remote_fingerprint_of(source) else " on disk"
                stale.append(Stale(Reason(f"source {name} changed{where} ({source['uri']})"), self.created))
        if moved := moved_files(pinned.get("code"), dataset_code(desired.inputs, self.context)):
            stale.append(Stale(Reason(f"the code that prepares data changed: {moved}"), self.created))
        return stale

    _lacks_said = ""
    """The address of the data set whose notes say what is not installed: once in a plan."""

    @cached_property
    def _schemas(self) -> DataSchemas:
        return DataSchemas(self.context)

    def problems(self, changes: Sequence[Change]) -> Iterator[Problem]:
        """Columns that are named and not there, or not of a type that fits; sources and SQL that cannot be read."""
        secrets = list(super().problems(changes))
        yield from secrets
        made = [change.address for change in changes if change.category == Category.REPROCESS]
        for address in made if self.context.settings.build else ():
            resource = self.context.resources[address]
            if any(problem.address == str(address) for problem in secrets):
                continue
            schema = self._schemas.of(address, made)
            if schema is None:
                continue
            yield from schema_problems(resource, schema, self.context.root)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        if category != Category.REPROCESS:
            return ()
        lines = self._retyped(desired.address, record)
        if self._schemas.lacks and self._lacks_said in ("", str(desired.address)):
            self._lacks_said = str(desired.address)
            lines.append(
                f"columns are not checked: {self._schemas.lacks} is not installed here (pip install 'mlops[data]')"
            )
        if seconds := record.outputs.get("seconds") if record else None:
            lines.append(f"about {seconds:.0f} s (as last time)")
        return tuple(lines)

    def _retyped(self, address: Address, record: Record | None) -> list[str]:
        """Return a line for each column whose type is another than in the last version, and for each that is gone."""
        before = self._last_types(address, record)
        schema = self._schemas.of(address) if before and self.context.settings.build else None
        if schema is None or schema.problems:
            return []
        now = schema.types
        return [
            f"{name}  {type_} → {now.get(name, 'no such column')}"
            for name, type_ in before.items()
            if now.get(name) != type_
        ]

    def _last_types(self, address: Address, record: Record | None) -> Mapping[str, str]:
        """Return column -> type of the last version: as it was recorded or, where it was made elsewhere, as it lies here."""
        if record is None:
            return {}
        if types := record.outputs.get("types"):
            return dict(types)
        try:
            return _types(_json(self.context.root / "data" / address.name / "schema.json"))
        except MlopsError:
            return {}

    def create(self, step: Step) -> Outcome:
        stage = f"prepare@{step.address.name}"
        resource = self.context.resources[step.address]
        params = dataset_params(resource, self.context)
        self._check_stage_file(stage, params)
        lock, seconds = make(self.context, step, params, [stage])
        folder = self.context.root / "data" / step.address.name
        profile, schema = _json(folder / "profile.json"), _json(folder / "schema.json")
        rows = profile["rows"]
        columns = len(profile["columns"])
        outputs = {
            "digest": lock[stage].outs[f"data/{step.address.name}"], "rows": rows, "columns": columns,
            "seconds": round(seconds, 1) or (step.recorded.outputs.get("seconds", 0.0) if step.recorded else 0.0),
            "newest": profile.get("newest"), "types": _types(schema), LOCKED: lock_entries_of(self.context, [stage]),
        }  # fmt: skip
        outcome = Outcome(outputs, f"{rows['source']:,} → {rows['result']:,} rows, {columns} columns")
        push_outputs(self.context, step, [stage], outcome)
        return outcome

    def _check_stage_file(self, stage: str, params: Mapping[str, Any]) -> None:
        """Raise MlopsError where dvc.yaml is older than data sets that read others: DVC would not see that they changed."""
        folders = upstream_folders(params["prepare"]["sources"])
        if not folders or not self.context.settings.build:
            return
        write_params_of("dataset", stage.partition("@")[2], params, self.context.root)
        known = read_stages(self.context.root).get(stage)
        missing = [folder for folder in folders if known is None or folder not in known.deps]
        if missing:
            raise MlopsError.of(
                "dvc.yaml is older than this data set",
                f"Stage {stage} reads {missing[0]}, and dvc.yaml does not say so, because its stage `prepare` has no places for "
                "data sets that are read (`${item.reads[0]}` and so on). Bring it up to date: mlops init --upgrade",
            )

    def status(self, record: Record) -> Status:
        rows = record.outputs.get("rows", {}).get("result")
        return Status(f"{rows:,} rows" if rows else "made elsewhere")

    def pins(self, desired: Desired) -> Mapping[str, str]:
        code = json.dumps(dataset_code(desired.inputs, self.context))
        return {
            f"code of {desired.address}": hashlib.md5(code.encode(), usedforsecurity=False).hexdigest(),
            **{
                f"source {desired.address}.{name}": self._fingerprint(desired, name)
                for name in desired.inputs["sources"]
            },
        }

    def _fingerprint(self, desired: Desired, name: str) -> str:
        try:
            return self.context.sources.of(desired.address.name, name, desired.inputs["sources"][name])
        except MlopsError:
            return "missing"

    def extras(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        return ("data",) if self.context.settings.build else ()

    @property
    def restored(self) -> Effect:
        return effect_of(Category.RESTORE)

    def restore(self, step: Step) -> Outcome:
        """Put back the data that were prepared then; nothing is prepared."""
        outputs = restore_stages(self.context, step, [f"prepare@{step.address.name}"])
        return Outcome(outputs, "taken from what is kept; nothing ran")

    def delete(self, step: Step) -> None:
        """Files, lock entry and cache stay."""


def _types(schema: Mapping[str, Any]) -> dict[str, str]:
    return {column["name"]: column["type"] for column in schema["columns"]}


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise MlopsError.of(
            "output is damaged", f"{path} cannot be read: {error}. Take its folder away and apply again."
        ) from error
