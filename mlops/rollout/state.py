"""Hold where a rollout stands.

Lives here: VersionState and RolloutState, with the moves that a rollout makes, and their JSON.
Not here: making the moves happen (rollout), storing them (the targets' fleets).
Law: a state never changes; each move gives a new one. What an apply that was killed left behind reads back as it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


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
class RolloutState:
    """`live`: the version that was judged good. `next`: the number of the next one. `weights`: version -> percent of the
    traffic. `gate`: what the target must know of all versions, such as the key that clients send."""

    live: str | None = None
    next: int = 1
    versions: Mapping[str, VersionState] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    gate: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> RolloutState:
        """`{live, next, versions: {v3: {key, …}}, weights: {v3: 100}, …}`; what is missing is as before the first version.
        Further fields are the gate."""
        versions = {name: VersionState.from_json(one) for name, one in value.get("versions", {}).items()}
        weights = {name: int(share) for name, share in value.get("weights", {}).items()}
        gate = {name: inner for name, inner in value.items() if name not in ("live", "next", "versions", "weights")}
        return cls(value.get("live"), int(value.get("next", 1)), versions, weights, gate)

    def to_json(self) -> dict[str, Any]:
        versions = {name: one.to_json() for name, one in self.versions.items()}
        return {**self.gate, "live": self.live, "next": self.next, "versions": versions, "weights": dict(self.weights)}

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

    def promoted(self, name: str) -> RolloutState:
        """Return the state in which a version is live and has all of the traffic."""
        return replace(self, live=name, weights={name: 100})

    def withdrawn(self) -> RolloutState:
        """Return the state in which nothing answers."""
        return replace(self, live=None, weights={})
