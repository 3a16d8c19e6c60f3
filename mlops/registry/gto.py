"""Write and read the tags that give versions their names.

Lives here: ArtifactTag, parse_tag, and tag_text, in the format of GTO (https://dvc.org/doc/gto/user-guide).
Not here: git itself (tools.git_repository), which version a name stands for (aliases).
Law: what GTO writes is read, and what is written here GTO reads.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TAG = re.compile(
    r"(?P<artifact>[^#@]+)"
    r"(?:#(?P<alias>[A-Za-z0-9](?:[A-Za-z0-9_/-]*[A-Za-z0-9])?)|@(?P<version>v\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?))"
    r"(?P<cancels>!?)(?:#(?P<counter>\d+))?"
)


@dataclass(frozen=True, slots=True)
class ArtifactTag:
    """What the name of a tag says. `alias`: what GTO calls a stage. `cancels`: the name is taken away. `counter`: None in
    GTO's simple form."""

    artifact: str
    alias: str = ""
    version: str = ""
    cancels: bool = False
    counter: int | None = None

    @property
    def name(self) -> str:
        """What stands after the @ in YAML."""
        return self.alias or self.version


def parse_tag(text: str) -> ArtifactTag | None:
    """Return what a tag's name says; None for a tag that is not GTO's."""
    found = _TAG.fullmatch(text)
    if found is None:
        return None
    counter = int(found["counter"]) if found["counter"] else None
    return ArtifactTag(found["artifact"], found["alias"] or "", found["version"] or "", bool(found["cancels"]), counter)


def tag_text(tag: ArtifactTag) -> str:
    mark = f"#{tag.alias}" if tag.alias else f"@{tag.version}"
    return f"{tag.artifact}{mark}{'!' if tag.cancels else ''}{'' if tag.counter is None else f'#{tag.counter}'}"
