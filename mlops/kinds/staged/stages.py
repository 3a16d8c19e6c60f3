"""Look at stages, and run them.

Lives here: what datasets and models share: why a stage is stale, and making its outputs.
Not here: what their fields mean.
Law: what was made is read from dvc.lock; a stage that nothing asks for does not run.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from mlops.context.context import Context
from mlops.engine.resource import Action, Effect, Reason, Stale, Step
from mlops.errors import MlopsError
from mlops.kinds.staged.outputs import missing_words, stored
from mlops.kinds.staged.params import models_read, write_params_of
from mlops.tools.dvc.reader import Locked, Stage, read_lock, read_stages
from mlops.tools.dvc.remote import locked_outs
from mlops.tools.dvc.run import checkout, run_stages
from mlops.tools.dvc.verdict import Finding, verdict


def _wanted(
    before: Mapping[str, Stage], known: Mapping[str, Stage], stages: Sequence[str], findings: Mapping[str, Any], *,
    force: bool,
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Return the stages that are out of date, with those that read what they make; and the paths that these read besides."""
    chosen: list[str] = []
    made: set[str] = set()
    for name in stages:
        if force or name not in before or findings[name] or made & set(known[name].deps):
            chosen.append(name)
            made |= {out.path for out in known[name].outs}
    reads = {dep for name in chosen for dep in known[name].deps if dep not in made and not dep.startswith("pipelines/")}
    return chosen, sorted(reads)


@cache
def _room(most: int) -> threading.Semaphore:
    """Return the semaphore that bounds how many stages run at once in this process."""
    return threading.Semaphore(most)


def stale_of(
    context: Context, stage_name: str, effect: Effect, *, recorded: bool, follows: Sequence[str] = ()
) -> list[Stale]:
    """Return reasons beyond fields and upstream digests. `recorded`: this environment's state knows what dvc.lock pins.
    `follows`: dependencies whose change the engine sees itself."""
    stage = context.stages.get(stage_name)
    locked = context.lock.get(stage_name)
    if locked is None:
        return []
    if stage is None:
        return [Stale(Reason(f"stage {stage_name} is not in params/index.json yet"), effect)]
    reasons: list[Stale] = []
    for finding in _verdict(context, stage, locked, {}):
        if finding.what == "parameter" or (finding.what == "dependency" and finding.path in follows):
            continue
        reasons.append(Stale(Reason(_words(context, finding, recorded=recorded)), effect))
    return reasons


def _verdict(context: Context, stage: Stage, locked: Locked | None, params: Mapping[str, Any]) -> tuple[Finding, ...]:
    return verdict(context.root, stage, locked, params, context.hashes, stored=lambda md5: stored(context, md5))


def _words(context: Context, finding: Finding, *, recorded: bool) -> str:
    match finding.what:
        case "command":
            return f"its command in dvc.yaml is another: {finding.path}"
        case "dependency":
            return f"{finding.path} changed"
        case "output missing":
            return missing_words(context, finding.path, recorded=recorded)
        case "output changed":
            return f"{finding.path} is not what dvc.lock says"
        case _:
            return f"{finding.path} was never made"


Elsewhere = Callable[[Sequence[str], Sequence[str]], None]
"""Runs the given stages, which read the given paths, and writes dvc.lock; stands in for running them here."""


def make(
    context: Context, step: Step, sections: Mapping[str, Any], stages: Sequence[str], elsewhere: Elsewhere | None = None
) -> tuple[Mapping[str, Locked], float]:
    """Write the parameters, run what is not up to date, bring back what is only cached. The lock, and the seconds
    that running took. Raises MlopsError."""
    kind, name = step.address
    if context.settings.build:
        resource = context.resources.get(step.address)
        models = models_read(resource) if resource else ()
        write_params_of(kind, name, sections, context.root, models=models)
    known, lock = read_stages(context.root), read_lock(context.root)
    params = {f"params/{kind}/{name}.json": sections}
    findings = {
        stage: _verdict(context, known[stage], lock.get(stage), params) if stage in known else (None,)
        for stage in stages
    }
    took = 0.0
    if any(findings.values()) or step.action is Action.REPLACE:
        if not context.settings.build:
            raise _unbuilt(context, step, [found for of_stage in findings.values() for found in of_stage])
        force = step.action is Action.REPLACE
        chosen, reads = _wanted(known, read_stages(context.root), stages, findings, force=force)
        with _room(context.settings.stages):
            started = time.monotonic()  # what waits for its turn is not counted
            if elsewhere is None:
                _bring_back(context, step, {*stages} - {*chosen}, reads)
                run_stages(context.root, stages, context.hashes, step.say, force=force)
            else:
                elsewhere(chosen, reads)
        took = time.monotonic() - started
        lock = read_lock(context.root)
    missing = [stage for stage in stages if any(not (context.root / out).exists() for out in lock[stage].outs)]
    if missing:
        checkout(context.root, missing, context.remote)
    context.hashes.keep()
    return lock, took


def _bring_back(context: Context, step: Step, unchanged: set[str], reads: Sequence[str]) -> None:
    """Bring back what the stages that run read, and what those beside them made, where it is only cached or stored."""
    makers = {stage for stage, locked in context.lock.items() if set(locked.outs) & set(reads)}
    absent = [out for out in locked_outs(context.root, unchanged | makers) if not (context.root / out["path"]).exists()]
    if absent and context.remote is not None:
        step.say("fetching what is stored", 0.01)
        context.remote.pull(absent)


def _unbuilt(context: Context, step: Step, findings: Sequence[Finding | None]) -> MlopsError:
    """Return the error of an environment that only deploys, and has nothing to deploy."""
    nowhere = [found.path for found in findings if found is not None and found.what == "output missing"]
    if nowhere and len(nowhere) == len(findings):
        place = f"in {context.remote.url}" if context.remote is not None else "in a remote, for none is declared"
        return MlopsError.of(
            "output is not stored",
            f"Environment {context.environment} deploys what dvc.lock pins, and {', '.join(nowhere)} is neither on this machine "
            f"nor {place}. Say `storage: {{remote: …}}` in conf/project.yaml, and apply in dev on the machine that made it: "
            "that pushes it.",
        )
    return MlopsError.of(
        "this environment does not build",
        f"Environment {context.environment} deploys what dvc.lock pins, and dvc.lock does not pin what conf/ says "
        f"of {step.address}. Build it on a branch (mlops apply, in dev), commit dvc.lock, and apply again.",
    )
