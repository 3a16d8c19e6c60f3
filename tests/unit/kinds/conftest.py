"""The small project as the kinds see it: composed once, and looked at in a folder of each test's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from mlops.address import Address
from mlops.config.project import ProjectSpec
from mlops.context.context import Context
from mlops.engine.resource import Action, Desired, Observed, Record, Step
from mlops.kinds.base import BaseKind
from mlops.kinds.registry import build_kinds, desire_all
from tests.e2e.conftest import SMALL
from tests.small_project import load_files, share_cache

SALT = "00" * 16
KEYED = {**SMALL, "conf/endpoint/late.yaml": SMALL["conf/endpoint/late.yaml"] + "auth: { api_key: '${secret:KEY}' }\n"}


@dataclass
class Look:
    """What one command would work with."""

    root: Path
    spec: ProjectSpec
    records: dict[Address, Record]

    @cached_property
    def context(self) -> Context:
        return Context(self.root, self.spec.settings, SALT, self.records, self.spec.resources)

    @cached_property
    def kinds(self) -> Mapping[str, BaseKind]:
        return build_kinds(self.context)

    @cached_property
    def desired(self) -> Mapping[str, Desired]:
        return {str(at): desired for at, desired in desire_all(self.kinds, self.spec).items()}

    def kind(self, address: str) -> BaseKind:
        return self.kinds[address.partition(".")[0]]

    def record(self, address: str, outputs: Mapping[str, Any], **inputs: Any) -> Record:
        """As an apply of what is desired would have written it down, with other `inputs` where they are given."""
        desired = self.desired[address]
        return Record(desired.address, {**desired.inputs, **inputs}, {"digest": "d", **outputs})

    def observe(self, address: str, record: Record | None = None) -> Observed:
        return self.kind(address).observe(Address.parse(address), self.desired[address], record)

    def needs(self, address: str) -> dict[str, str | None]:
        """What it depends on -> what a change there means; None where only the order matters."""
        return {
            str(need.address): need.effect.category if need.effect and need.output else None
            for need in self.desired[address].depends_on
        }

    def meaning(self, address: str, path: str) -> tuple[str, Action, bool]:
        """Category, action, and whether all outputs stay as they were, of a change of one field."""
        effect = self.kind(address).effect(path)
        return effect.category, effect.action, effect.keeps

    def step(self, address: str, action: Action, category: str, record: Record | None = None) -> Step:
        return Step(Address.parse(address), action, category, "key", self.desired[address], record)


@pytest.fixture(scope="session")
def spec(tmp_path_factory: pytest.TempPathFactory) -> ProjectSpec:
    return load_files(tmp_path_factory.mktemp("small"), KEYED)


@pytest.fixture
def look(spec: ProjectSpec, tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Look:
    share_cache(tmp_path, cache)
    monkeypatch.setenv("KEY", "not-to-be-seen")
    return Look(tmp_path, spec, {})
