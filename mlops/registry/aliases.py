"""Find the version that a name stands for.

Lives here: NamedVersion, Aliases: the names that tags give to the versions of a model, and next_tag.
Not here: how a tag is written (gto), asking git (tools.git_repository), what a package makes of it (kinds).
Law: of several tags with one name the newest counts, as GTO counts; a name that nothing bears is an error that says how
to get its tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mlops.errors import MlopsError, ToolFailed, near
from mlops.registry.committed import CommittedVersion, version_at
from mlops.registry.gto import ArtifactTag, parse_tag, tag_text
from mlops.tools.git import is_in_git
from mlops.tools.git_repository import GitRepository, GitTag


@dataclass(frozen=True)
class NamedVersion:
    """A version of a model, and the tag that names it."""

    name: str
    tag: GitTag
    version: CommittedVersion


class Aliases:
    """The names of versions in the repository of a project. `root`: the project's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git = GitRepository(root)
        self._found: dict[tuple[str, str], NamedVersion] = {}

    @cached_property
    def _folder(self) -> str:
        """How GTO names a project that is not at the top of its repository."""
        folder = self.git.prefix.rstrip("/")
        return f"{folder}=" if folder else ""

    def tags(self, model: str) -> dict[str, GitTag]:
        """Return name -> the tag that counts, of every name that is given to a version of the model."""
        counting: dict[str, GitTag] = {}
        for parsed, tag in self._all(model):
            if parsed.cancels:
                counting.pop(parsed.name, None)
            else:
                counting[parsed.name] = tag
        return counting

    def _all(self, model: str) -> list[tuple[ArtifactTag, GitTag]]:
        """Return the tags of a model in the order in which they count. GTO passes over lightweight tags, and so does this."""
        artifact = f"{self._folder}{model}"
        found = [
            (parsed, tag) for tag in self.git.tags(*self._patterns(model))
            if tag.is_annotated and (parsed := parse_tag(tag.name)) is not None and parsed.artifact == artifact
        ]  # fmt: skip
        return sorted(found, key=lambda one: (one[1].seconds, one[0].counter or 0))

    def _patterns(self, model: str) -> tuple[str, str]:
        return f"{self._folder}{model}#*", f"{self._folder}{model}@*"

    def find(self, model: str, name: str) -> NamedVersion:
        """Return the version of the model that has this name. Raises MlopsError where none has, or it cannot be read."""
        if (model, name) not in self._found:
            self._found[model, name] = self._find(model, name)
        return self._found[model, name]

    def _find(self, model: str, name: str) -> NamedVersion:
        if not is_in_git(self.root):
            raise MlopsError.of(
                "no git repository",
                f"{model}@{name} is a tag in git, and {self.root} lies in no repository. Make one (`git init`, commit, and "
                f"`mlops alias model.{model} {name}`), or name the model alone: {model}",
            )
        tags = self.tags(model)
        if name not in tags:
            raise self._no_such_name(model, name, tags)
        tag = tags[name]
        try:
            version = version_at(self.git, tag.commit, model)
        except ToolFailed as error:
            raise MlopsError.of(
                "tag cannot be read",
                f"The tag {tag.name} names the commit {tag.commit[:12]}, and git cannot read it here: "
                f"{error.problems[0].detail} Fetch it: git fetch --tags",
            ) from error
        if version is None:
            raise MlopsError.of(
                "tag names no version",
                f"The tag {tag.name} names the commit {tag.commit[:12]}, and dvc.lock holds no model {model} there. Name the "
                f"version that is meant: mlops alias model.{model} {name} DIGEST; there are: mlops show model.{model} --versions",
            )
        return NamedVersion(name, tag, version)

    def _no_such_name(self, model: str, name: str, tags: dict[str, GitTag]) -> MlopsError:
        there = f"model.{model} has {', '.join(sorted(tags))}" if tags else f"model.{model} has no name at all"
        light = [tag.name for tag in self.git.tags(*self._patterns(model)) if not tag.is_annotated]
        lightweight = (
            f" Lightweight tags such as {light[0]} say neither who nor when, and do not count." if light else ""
        )
        whole = ", and `git fetch --unshallow`, for this clone is shallow" if self.git.is_shallow else ""
        return MlopsError.of(
            "no such name of a version",
            f"{model}@{name} is what the tag {self.next_tag(model, name)} would name. In this clone {there}.{lightweight} Where "
            f"others have it, fetch it: `git fetch --tags`{whole}. To give a version this name: mlops alias model.{model} {name}",
            hint=near(name, tags),
        )

    def next_tag(self, model: str, name: str, *, cancels: bool = False) -> str:
        """Return the tag that gives a version this name from now on or, with `cancels`, takes it away."""
        tag = self._tag(model, name)
        if tag.version and not cancels:
            return tag_text(tag)
        highest = max((parsed.counter or 0 for parsed, _ in self._all(model)), default=0)
        return tag_text(ArtifactTag(tag.artifact, tag.alias, tag.version, cancels, highest + 1))

    def _tag(self, model: str, name: str) -> ArtifactTag:
        artifact = f"{self._folder}{model}"
        parsed = parse_tag(f"{artifact}@{name}")
        return parsed if parsed is not None else ArtifactTag(artifact, alias=name)
