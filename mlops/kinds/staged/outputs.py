"""Keep what stages made where other machines find it.

Lives here: missing_words (an output that is nowhere), unpushed_of and remote_attention (what the plan says of the remote), push_outputs.
Not here: the transfers (tools.dvc.remote), bringing outputs back (tools.dvc.run.checkout).
Law: what was made is recorded before a failed push is reported; a plan asks the remote only about what it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlops.address import Address
from mlops.config.schema.category import Category
from mlops.context.context import Context
from mlops.context.effects import effect_of
from mlops.engine.resource import Attention, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError
from mlops.tools.dvc.cache import Cache
from mlops.tools.dvc.remote import Remote, locked_outs


def stored(context: Context, md5: str) -> bool:
    """Say whether an output can be had from the remote; where that cannot be asked it counts as there, so that nothing is made
    again for want of a connection."""
    remote = context.remote
    return remote is not None and remote.has(md5) is not False


def missing_words(context: Context, path: str, *, recorded: bool) -> str:
    """Word that an output is neither here nor in the remote. `recorded`: this environment's state knows the output."""
    nor = f", and {context.remote.url} does not have it" if context.remote is not None else ""
    return f"{path} is gone from this machine{nor}" if recorded else f"{path} was not made on this machine yet{nor}"


def unpushed_of(context: Context, stages: Sequence[str], record: Record | None) -> list[Stale]:
    """Say which outputs are not in the remote that the project declares; those alone that are here to be pushed."""
    remote = _pushing(context)
    if remote is None:
        return []
    failed = record is not None and not record.complete
    lacking = [
        out["path"]
        for out in locked_outs(context.root, stages)
        if (context.root / out["path"]).exists()
        and (remote.lacks(out["md5"]) or (failed and not remote.has(out["md5"])))
    ]
    return [Stale(Reason(f"{path} is not in {remote.url} yet"), effect_of(Category.METADATA)) for path in lacking]


def remote_attention(context: Context, address: Address) -> tuple[Attention, ...]:
    """Say, once in a plan, that the remote could not be asked."""
    remote = context.remote
    if remote is None or not (problem := remote.take_problem()):
        return ()
    lines = (*problem.splitlines(), "This plan takes for granted that what dvc.lock pins is there.")
    return (Attention(address, "the remote could not be asked", lines),)


def push_outputs(context: Context, step: Step, stages: Sequence[str], outcome: Outcome) -> None:
    """Push what stages made. Raises MlopsError with `outcome` as its `partial`: it stays, and the next apply pushes it."""
    remote = _pushing(context)
    if remote is None:
        return
    outs, cache = locked_outs(context.root, stages, metrics=True), Cache(context.root)
    step.say(f"pushing to {remote.url}", 0.98)
    try:
        for out in outs:
            if not cache.has(out["md5"]) and (context.root / out["path"]).exists():
                cache.put(context.root / out["path"], context.hashes)
        remote.push(outs)
    except MlopsError as error:
        error.partial = outcome  # type: ignore[attr-defined]
        raise


def _pushing(context: Context) -> Remote | None:
    """Return the remote that this environment pushes to: a declared one, where it builds."""
    if context.settings.storage is None or not context.settings.build:
        return None
    return context.remote
