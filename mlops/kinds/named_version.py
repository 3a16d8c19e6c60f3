"""Pack a version of a model that a tag in git names.

Lives here: NamedVersions: what a name stands for, what a plan says of it, whether it can be had, and bringing it.
Not here: finding the tag (registry.aliases), building the bento (package).
Law: what the plan showed is what is packed: the digest that the tag names is a pin of the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from mlops.address import Address
from mlops.config.schema.model_reference import split_reference
from mlops.context.context import Context
from mlops.context.inputs import without_fields
from mlops.engine.resource import Effect, Reason, Record, Stale
from mlops.errors import FileLocation, GateFailed, MlopsError, Problem
from mlops.kinds.staged.gates import Verdict, judge_gates, judged_gates, needs_live
from mlops.kinds.staged.measured import metrics_change
from mlops.metrics.task import Task
from mlops.registry.aliases import Aliases, NamedVersion
from mlops.registry.committed import short_digest
from mlops.tools.dvc.cache import Cache
from mlops.tools.dvc.run import bring_object
from mlops.tools.scratch import scratch


class NamedVersions:
    """The versions that packages name, as one command sees them."""

    def __init__(self, context: Context) -> None:
        self.context = context

    @cached_property
    def _aliases(self) -> Aliases:
        return Aliases(self.context.root)

    def find(self, inputs: Mapping[str, Any]) -> NamedVersion | None:
        """Return the version that a package names; None where it takes what dvc.lock pins. Raises MlopsError where nothing
        has the name."""
        model, name = split_reference(inputs["model"])
        return self._aliases.find(model, name) if name else None

    def stale(self, inputs: Mapping[str, Any], record: Record, source: str | None, effect: Effect) -> tuple[Stale, ...]:
        """Say that another version has the name than the one that was packed, or that none has it."""
        try:
            named = self.find(inputs)
        except MlopsError as error:
            return (Stale(Reason(f"{inputs['model']}: {error.problems[0].summary}", source), effect),)
        before = str(record.outputs.get("model_digest", ""))
        if named is None or named.version.digest == before:
            return ()
        same_name = record.inputs.get("model") == inputs["model"]
        words = f"tag {named.tag.name} moved" if same_name else f"tag {named.tag.name} names another version:"
        return (
            Stale(Reason(f"{words} {short_digest(before)} → {short_digest(named.version.digest)}", source), effect),
        )

    def notes(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        """Say which version a plan packs, what was measured of it, and who gave it the name."""
        try:
            named = self.find(inputs)
        except MlopsError:
            return ()
        if named is None:
            return ()
        version, tag = named.version, named.tag
        measured = metrics_change(Task(version.task), {}, version.metrics) if version.task else ""
        verdicts, gates = self._verdicts(named), self._gates(named)
        held = f"gates: {sum(verdict.holds for verdict in verdicts)} of {len(verdicts)} hold" if verdicts else ""
        left = [gate for gate in gates if needs_live([gate])]
        asked = f"not judged of a version with a name: {', '.join(left)}" if left else ""
        return (
            f"model.{version.model} {short_digest(version.digest)} of commit {tag.commit[:8]}{f': {measured}' if measured else ''}",
            f"tag {tag.name} by {tag.who}, {tag.at[:10]}{f': {tag.message}' if tag.message else ''}",
            *([" · ".join(filter(None, [held, asked]))] if held or asked else []),
        )

    def pins(self, inputs: Mapping[str, Any]) -> dict[str, str]:
        try:
            named = self.find(inputs)
        except MlopsError:
            return {str(inputs["model"]): "none"}
        return {str(inputs["model"]): named.version.digest} if named else {}

    def problems(self, address: Address, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        """Yield why the version cannot be packed: nothing has the name, or its files are kept nowhere."""
        resource = self.context.resources.get(address)
        source = resource.source("model") if resource else None
        try:
            named = self.find(inputs)
        except MlopsError as error:
            yield from (replace(problem, address=str(address), source=source) for problem in error.problems)
            return
        if named is None:
            return
        yield from self._missed(named, str(address), source)
        model = named.version.model
        if not self._is_kept(named.version.digest):
            yield self._not_kept(named, f"models/{model}/export", f"export@{model}", address, source)

    def _missed(self, named: NamedVersion, address: str | None, source: FileLocation | None) -> Iterator[Problem]:
        model = named.version.model
        for verdict in self._verdicts(named):
            if not verdict.holds:
                detail = (
                    f"{verdict.words}. The tag {named.tag.name} names model.{model} {short_digest(named.version.digest)}, which "
                    f"was measured so at commit {named.tag.commit[:12]}. Give the name to another version, or change the gate in "
                    f"conf/model/{model}.yaml; what is live stays live."
                )
                yield Problem("gate missed", detail, address, source)

    def _verdicts(self, named: NamedVersion) -> tuple[Verdict, ...]:
        """Judge a version by what its commit measured. Gates that compare with what is live are for candidates: that one is
        better than what it replaces is said by whoever gives it the name, and judged by the rollout."""
        gates = [gate for gate in self._gates(named) if not needs_live([gate])]
        return judge_gates(gates, named.version.metrics, None)

    def _gates(self, named: NamedVersion) -> tuple[str, ...]:
        model = self.context.resources.get(Address("model", named.version.model))
        return judged_gates(model.inputs) if model is not None else ()

    def data_problems(self, address: Address, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        """Yield why a version cannot be watched: what it learned from is kept nowhere. `inputs`: of the package."""
        try:
            named = self.find(inputs)
        except MlopsError:
            return  # the package says so
        if named is None or self._is_kept(named.version.data):
            return
        folder = self.context.root / "data" / named.version.dataset
        if not (folder.exists() and self.context.hashes.tree(folder) == named.version.data):
            name = named.version.dataset
            yield self._not_kept(named, f"data/{name}", f"prepare@{name}", address, None)

    def _is_kept(self, digest: str) -> bool:
        remote = self.context.remote
        return Cache(self.context.root).has(digest) or (remote is not None and remote.has(digest) is not False)

    def _not_kept(
        self, named: NamedVersion, path: str, stage: str, address: Address, source: FileLocation | None
    ) -> Problem:  # fmt: skip
        remote, version = self.context.remote, named.version
        nor = f"in {remote.url}" if remote else "in a remote, for the project declares none"
        there = "`dvc push`" if remote else "`storage: {remote: …}` in conf/project.yaml, and `mlops apply`"
        detail = (
            f"The tag {named.tag.name} names model.{version.model} {short_digest(version.digest)}, and its {path} is neither in the "
            f"cache of this machine nor {nor}. On the machine that made it: {there}. Where no machine has it, make it again from "
            f"the commit, and compare its digest: `git worktree add ../then {named.tag.commit[:12]}`, and there `dvc repro {stage}`."
        )
        return Problem("version is not kept", detail, str(address), source)

    @contextmanager
    def brought(self, named: NamedVersion) -> Iterator[Path]:
        """Lend a folder with what the version exported. Raises GateFailed where it misses a gate, and MlopsError where it is
        kept nowhere."""
        if missed := list(self._missed(named, None, None)):
            raise GateFailed(*missed)
        with scratch(self.context.paths.home / "tmp") as place:
            exported = place / "export"
            bring_object(self.context.root, named.version.digest, exported, self.context.remote)
            if self.context.hashes.tree(exported) != named.version.digest:
                raise MlopsError.of(
                    "version is damaged",
                    f"What is kept as {named.version.digest} has another content. Fetch it anew: remove it from .dvc/cache, and "
                    "run the same command again.",
                )
            yield exported

    @staticmethod
    def outputs(named: NamedVersion) -> dict[str, Any]:
        """Return what a package records of the version: its name, and what a monitor of it must know."""
        version = named.version
        return {
            "model_tag": named.tag.name, "model_commit": named.tag.commit, "dataset": version.dataset, "data_digest": version.data,
            "metrics": without_fields(version.metrics, "slices", "fairness"),
        }  # fmt: skip
