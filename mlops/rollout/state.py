"""Hold where a rollout stands.

Lives here: VersionState, Routing, Rolling, Guarding (and guard_seconds), Reversal and RolloutState, with the moves that a rollout
makes, and their JSON.
Not here: making the moves happen (rollout), storing them (the targets' fleets).
Law: a state never changes; each move gives a new one. What an apply that was killed left behind reads back as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mlops.config.schema.endpoint import RolloutPolicy

_Watched = TypeVar("_Watched", "Guarding", "Reversal", "Routing", "Rolling")
_OWN = ("live", "next", "versions", "weights", "guarding", "reversal", "routing", "rolling")


@dataclass(frozen=True)
class VersionState:
    """`key`: names what it answers with. `replicas`: how many were started; None before the first. `body`: what its target
    must know of it, such as where its code lies."""

    key: str
    replicas: int | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> VersionState:
        body = {name: inner for name, inner in value.items() if name not in ("key", "replicas")}
        return cls(str(value["key"]), value.get("replicas"), body)

    def to_json(self) -> dict[str, Any]:
        replicas = {} if self.replicas is None else {"replicas": self.replicas}
        return {"key": self.key, **replicas, **self.body}


@dataclass(frozen=True)
class Routing:
    """How requests are given to a version that is tried, beside the weights. `mirrored`: it gets a copy of each. `assigned`: a client
    stays with one version, known by a `header` or a `cookie`. `since`: seconds since 1970 when its trial began."""

    candidate: str
    mirrored: bool = False
    assigned: bool = False
    header: str | None = None
    cookie: str | None = None
    since: float = 0.0


@dataclass(frozen=True)
class Rolling:
    """A version takes over while no apply waits for it. `policy`: how, as JSON; `strategy` and `replicas` as its apply meant them.
    `is_guarded`: it is watched afterwards. `since`, `begun`: seconds since 1970 when the rollout began, and when its present part did.
    `part`: the number of that part, of `parts`; those before it were judged good, and 0 is before the first. `counted`: what clients
    had seen by then, as JSON: of `candidate` and `live` when the part began, of `usual`, the live version, when the rollout did, and the
    `counter` that counted it."""

    candidate: str
    strategy: str
    replicas: int
    policy: Mapping[str, Any]
    parts: int
    since: float
    is_guarded: bool = False
    part: int = 0
    begun: float | None = None
    counted: Mapping[str, Any] = field(default_factory=dict)

    def at_part(self, part: int, begun: float, counted: Mapping[str, Any]) -> Rolling:
        return replace(self, part=part, begun=begun, counted={**self.counted, **counted})


@dataclass(frozen=True)
class Guarding:
    """A version that went live is still watched. `previous`: the version that stays warm. `until`: seconds since 1970.
    `policy`: what it is judged by, as JSON. `usual`: what clients saw of the previous version, as JSON."""

    previous: str
    until: float
    policy: Mapping[str, Any]
    usual: Mapping[str, Any] = field(default_factory=dict)


def guard_seconds(policy: RolloutPolicy) -> float:
    """Return how long a policy has a version watched. The field is called `for`, which Python keeps for itself."""
    return float(getattr(policy.guard, "for"))


@dataclass(frozen=True)
class Reversal:
    """All traffic was given back while no apply waited. `at`: seconds since 1970. `why`: the evidence. `was_live`: the version was found
    bad by its guard, after it had gone live; else by its rollout."""

    from_version: str
    to_version: str
    at: float
    why: str
    was_live: bool = True


@dataclass(frozen=True)
class RolloutState:
    """`live`: the version that was judged good. `next`: the number of the next one. `weights`: version -> percent of the
    traffic. `gate`: what the target must know of all versions, such as the key that clients send."""

    live: str | None = None
    next: int = 1
    versions: Mapping[str, VersionState] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    gate: Mapping[str, Any] = field(default_factory=dict)
    guarding: Guarding | None = None
    reversal: Reversal | None = None
    routing: Routing | None = None
    rolling: Rolling | None = None

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RolloutState:
        """`{live, next, versions: {v3: {key, …}}, weights: {v3: 100}, …}`; what is missing is as before the first version.
        Further fields are the gate."""
        versions = {name: VersionState.from_json(one) for name, one in value.get("versions", {}).items()}
        weights = {name: int(share) for name, share in value.get("weights", {}).items()}
        gate = {name: inner for name, inner in value.items() if name not in _OWN}
        return cls(
            value.get("live"), int(value.get("next", 1)), versions, weights, gate, _read(Guarding, value.get("guarding")),
            _read(Reversal, value.get("reversal")), _read(Routing, value.get("routing")),
            _read(Rolling, value.get("rolling")),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        versions = {name: one.to_json() for name, one in self.versions.items()}
        watched = {
            "guarding": self.guarding, "reversal": self.reversal, "routing": self.routing, "rolling": self.rolling,
        }  # fmt: skip
        return {
            **self.gate, "live": self.live, "next": self.next, "versions": versions, "weights": dict(self.weights),
            **{name: asdict(one) for name, one in watched.items() if one is not None},
        }  # fmt: skip

    @property
    def live_version(self) -> VersionState | None:
        return self.versions.get(self.live) if self.live else None

    def named(self, key: str) -> str | None:
        """Return the name of the version with this key that is not live; None where there is none."""
        return next((name for name, one in self.versions.items() if one.key == key and name != self.live), None)

    def others(self, keep: Collection[str | None]) -> list[str]:
        return [name for name in self.versions if name not in keep]

    def with_gate(self, gate: Mapping[str, Any]) -> RolloutState:
        return replace(self, gate={**self.gate, **gate})

    def with_new_version(self, key: str, body: Mapping[str, Any]) -> tuple[str, RolloutState]:
        """Return its name, and the state in which it stands without traffic."""
        name = f"v{self.next}"
        return name, replace(self, next=self.next + 1, versions={**self.versions, name: VersionState(key, None, body)})

    def with_version(self, name: str, **changes: Any) -> RolloutState:
        """Return the state in which these fields of a version are other ones."""
        return replace(self, versions={**self.versions, name: replace(self.versions[name], **changes)})

    def without(self, name: str) -> RolloutState:
        versions = {other: one for other, one in self.versions.items() if other != name}
        weights = {other: share for other, share in self.weights.items() if other != name}
        return replace(self, versions=versions, weights=weights)

    def shifted(self, weights: Mapping[str, int]) -> RolloutState:
        return replace(self, weights=dict(weights))

    def routed(self, routing: Routing | None) -> RolloutState:
        return replace(self, routing=routing)

    def rolled(self, rolling: Rolling | None) -> RolloutState:
        return replace(self, rolling=rolling)

    def guarded(self, guarding: Guarding | None) -> RolloutState:
        return replace(self, guarding=guarding)

    def taken_back(self, at: float, why: str) -> RolloutState:
        """Return the state in which what stayed warm is live again, and has all of the traffic."""
        assert self.guarding is not None
        assert self.live is not None
        reversal = Reversal(self.live, self.guarding.previous, at, why)
        return replace(self.promoted(self.guarding.previous), guarding=None, reversal=reversal)

    def given_up(self, candidate: str, at: float, why: str) -> RolloutState:
        """Return the state in which a version that was to take over does not, and what is live has all of the traffic."""
        assert self.live is not None
        reversal = Reversal(candidate, self.live, at, why, was_live=False)
        return replace(self.promoted(self.live), reversal=reversal)

    def settled(self) -> RolloutState:
        """Return the state in which nothing is watched or carried on, and nothing is known of an earlier reversal."""
        return replace(self, guarding=None, reversal=None, rolling=None)

    def promoted(self, name: str) -> RolloutState:
        """Return the state in which a version is live and has all of the traffic."""
        return replace(self, live=name, weights={name: 100}, routing=None, rolling=None)

    def withdrawn(self) -> RolloutState:
        """Return the state in which nothing answers."""
        return replace(self, live=None, weights={}, routing=None, rolling=None)


def _read(form: type[_Watched], value: Mapping[str, Any] | None) -> _Watched | None:
    """Return it without what a newer version added; None where it is not there."""
    return form(**{one.name: value[one.name] for one in fields(form) if one.name in value}) if value else None
