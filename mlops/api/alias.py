"""Give a version of a model a name.

Lives here: give_alias, take_alias.
Not here: what a name means to a plan (kinds.named_version), the format of tags (registry.gto).
Law: only a tag is made, on a commit that holds the version; whoever reviews tags reviews promotions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.api.versions import versions_of
from mlops.config.schema.model_reference import is_alias, is_version
from mlops.errors import MlopsError, ToolFailed
from mlops.registry.aliases import Aliases
from mlops.registry.committed import LOCK, short_digest, version_at
from mlops.registry.versions import ModelVersion, chosen_version
from mlops.tools.git import is_in_git
from mlops.tools.git_repository import GitRepository

if TYPE_CHECKING:
    from mlops.api.project import Project


@dataclass(frozen=True)
class MadeTag:
    """A tag that was made here, and is not pushed. `before`: the version that had the name, as it is shown."""

    tag: str
    commit: str
    version: str
    before: str = ""


def give_alias(project: Project, text: str, name: str, *, version: str = LOCK, message: str = "") -> MadeTag:
    """Make the tag that gives a version the name from now on. `version`: as `chosen_version` reads it. Raises MlopsError where
    no commit holds the version, or it has the name already."""
    at, versions = versions_of(project, text)
    _check_name(name)
    aliases = _aliases(project)
    chosen = chosen_version(project.root, versions, version)
    before = next((one for one in versions if name in one.names), None)
    if before is not None and before.digest == chosen.digest:
        raise MlopsError.of(
            "nothing to name", f"{at.name}@{name} is {short_digest(chosen.digest)} already.", address=str(at)
        )
    if before is not None and is_version(name):
        raise MlopsError.of(
            "version exists",
            f"{at.name}@{name} is {short_digest(before.digest)}, and a version never becomes another. Take the next number.",
            address=str(at),
        )
    commit = _commit_of(aliases.git, chosen, at.name)
    tag = aliases.next_tag(at.name, name)
    words = message or f"{at.name}@{name} is {short_digest(chosen.digest)}"
    _make(aliases.git, tag, commit, words)
    return MadeTag(tag, commit, short_digest(chosen.digest), short_digest(before.digest) if before else "")


def take_alias(project: Project, text: str, name: str, *, message: str = "") -> MadeTag:
    """Make the tag that takes the name away. Raises MlopsError where no version has it."""
    at, _ = versions_of(project, text)
    _check_name(name)
    aliases = _aliases(project)
    named = aliases.find(at.name, name)
    tag = aliases.next_tag(at.name, name, cancels=True)
    digest = short_digest(named.version.digest)
    _make(aliases.git, tag, named.tag.commit, message or f"{at.name}@{name} is no longer {digest}")
    return MadeTag(tag, named.tag.commit, digest)


def _check_name(name: str) -> None:
    if not (is_alias(name) or is_version(name)):
        raise MlopsError.of(
            "not a name",
            f"`{name}` is neither an alias, in lower-case letters, digits and -, such as champion, nor a version such as v1.2.0.",
        )


def _aliases(project: Project) -> Aliases:
    if not is_in_git(project.root):
        raise MlopsError.of(
            "no git repository",
            f"A name of a version is a tag in git, and {project.root} lies in no repository. Make one: git init, and commit.",
        )
    return Aliases(project.root)


def _commit_of(git: GitRepository, chosen: ModelVersion, model: str) -> str:
    """Return the commit that is checked out where it holds the version, or else the newest that does."""
    head = git.head()
    there = version_at(git, head, model) if head else None
    if there is not None and there.digest == chosen.digest:
        return head
    if chosen.kept_in is None:
        where = "the working tree has it: commit dvc.lock" if chosen.is_present else "the state alone knows it"
        raise MlopsError.of(
            "version is not committed",
            f"A tag names a commit, and none that is reachable here holds {short_digest(chosen.digest)} in dvc.lock; {where}.",
        )
    return chosen.kept_in


def _make(git: GitRepository, tag: str, commit: str, message: str) -> None:
    try:
        git.tag(tag, commit, message)
    except ToolFailed as error:
        raise MlopsError.of("tag cannot be made", f"{tag}: {error.problems[0].detail}") from error
