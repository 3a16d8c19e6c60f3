"""The names of tags, as GTO writes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from gto.api import show as gto_show
from gto.constants import Action
from gto.tag import name_tag, parse_name
from scmrepo.git import Git

from mlops.registry.aliases import Aliases
from mlops.registry.gto import ArtifactTag, parse_tag, tag_text
from tests.version_repository import VersionRepository

WRITTEN = {
    "delay#champion#3": ArtifactTag("delay", alias="champion", counter=3),
    "delay#champion!#4": ArtifactTag("delay", alias="champion", cancels=True, counter=4),
    "delay#champion": ArtifactTag("delay", alias="champion"),
    "delay@v1.2.0": ArtifactTag("delay", version="v1.2.0"),
    "delay@v1.2.0-rc.1": ArtifactTag("delay", version="v1.2.0-rc.1"),
    "delay@v1.2.0!#5": ArtifactTag("delay", version="v1.2.0", cancels=True, counter=5),
    "models/flights=delay#champion#1": ArtifactTag("models/flights=delay", alias="champion", counter=1),
}


@pytest.mark.parametrize(("text", "tag"), WRITTEN.items())
def test_tag_reads_back_as_written_and_as_gto_reads_it(text: str, tag: ArtifactTag) -> None:
    assert parse_tag(text) == tag
    assert tag_text(tag) == text
    gto = parse_name(text)
    assert (gto["name"].replace(":", "="), gto.get("stage", ""), gto.get("version", ""), gto.get("counter")) == (
        tag.artifact, tag.alias, tag.version, tag.counter,
    )  # fmt: skip


@pytest.mark.parametrize(
    "text", ["v1.0.0", "delay", "delay#", "delay@champion", "delay#champion#x", "delay@deprecated#2"]
)
def test_other_tags_are_not_read(text: str) -> None:
    assert parse_tag(text) is None


def test_gto_finds_the_same_champion(tmp_path: Path) -> None:
    repository = VersionRepository(tmp_path)
    first = repository.version("aaaa1111.dir")
    repository.version("bbbb2222.dir")
    repository.tag("late#champion#1", first)
    repository.tag("late#champion#2")
    repository.tag("late#champion#3", first)
    repository.tag("late#challenger#4")
    shown = gto_show(str(tmp_path))["late"]["stage"]
    aliases = Aliases(tmp_path)
    assert shown == {name: aliases.find("late", name).tag.commit for name in ("champion", "challenger")}
    assert shown["champion"] == first


def test_next_tag_counts_as_gto_does(tmp_path: Path) -> None:
    repository = VersionRepository(tmp_path)
    repository.version("aaaa1111.dir")
    repository.tag("late#champion#1")
    repository.tag("late@v1.0.0")
    for text, cancels in (("champion", True), ("challenger", False), ("champion", False)):
        made = Aliases(tmp_path).next_tag("late", text, cancels=cancels)
        action = Action.UNASSIGN if cancels else Action.ASSIGN
        assert made == name_tag(action, "late", stage=text, scm=Git(str(tmp_path)))
        repository.tag(made)
    assert set(Aliases(tmp_path).tags("late")) == {"challenger", "champion", "v1.0.0"}
