"""Plan less, or otherwise, than the spec says.

Lives here: Selection (what a user asks of one plan), chosen (which changes it then has), renamed, half_made.
Not here: deciding each change (plan).
Law: what is left out takes along all that could not stand without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mlops.address import Address
from mlops.engine.graph import Edges, reach, reverse
from mlops.engine.resource import Effect, Record
from mlops.engine.state import Intent


@dataclass(frozen=True)
class Selection:
    """What a user asks of one plan. `targets`: only these and what they need; of deletions, what needs them. `exclude`:
    everything but these and what needs them; of deletions, what they need. `replace`: made again whatever they are.
    `only`: these and nothing else. `forget`: taken out of the state and left in the world, with the effect that the plan shows."""

    targets: Sequence[Address] = ()
    exclude: Sequence[Address] = ()
    replace: Sequence[Address] = ()
    forget: Mapping[Address, Effect] = field(default_factory=dict)
    only: Sequence[Address] = ()


EVERYTHING = Selection()


def chosen(selection: Selection, made: Iterable[Address], needs: Edges, recorded: Edges) -> set[Address]:
    """Return which of the changes are part of the plan. `needs`: the edges of desired resources; `recorded`: the edges
    of those that the state has."""
    everything = set(made)
    if selection.only:
        return everything & set(selection.only)
    picked = set(everything)
    if selection.targets:
        up = reach([at for at in selection.targets if at in needs], needs)
        down = reach([at for at in selection.targets if at not in needs], reverse(recorded))
        picked = (up | down) & everything
    if selection.exclude:
        followers = reach(selection.exclude, reverse(needs))
        kept = {at for at in reach(selection.exclude, recorded) if at not in needs}
        picked -= followers | kept
    return picked


def renamed(record: Record, moves: Mapping[Address, Address]) -> Record:
    """Return the record with `moves` (old -> new) applied to its own address and to those that it names."""

    def key(text: str) -> str:
        at, _, output = text.partition(":")
        address = Address.parse(at)
        return f"{moves[address]}:{output}" if address in moves else text

    return replace(
        record, address=moves.get(record.address, record.address),
        depends_on=tuple(moves.get(at, at) for at in record.depends_on),
        upstream={key(text): value for text, value in record.upstream.items()},
    )  # fmt: skip


def half_made(
    intents: Iterable[Intent], records: Mapping[Address, Record], desired: Iterable[Address]
) -> dict[Address, Record]:
    """Return records of what an apply had begun to create when it died and nothing declares any more, so that it can be
    deleted."""
    wanted = set(desired)
    return {
        intent.address: Record(
            intent.address, intent.body["inputs"], {}, intent.body["upstream"],
            tuple(Address.parse(at) for at in intent.body["depends_on"]), complete=False,
        )
        for intent in intents
        if intent.body is not None and intent.address not in records and intent.address not in wanted
    }  # fmt: skip
