"""Ask git for its history.

Lives here: GitRepository: tags, files as commits have them, the commits that changed a file; and making a tag.
Not here: the commit that is checked out, which costs no process (git), what a tag means (registry).
Law: nothing but a tag is ever written; what git refuses is an error in its own words.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from mlops.errors import ToolFailed

_QUIET = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0"}
_TAG_FIELDS = (
    "refname:strip=2", "objecttype", "objectname", "*objectname", "taggername", "taggerdate:unix", "contents:subject",
)  # fmt: skip
_COMMIT_FIELDS = ("%H", "%an", "%ct", "%s")


@dataclass(frozen=True, slots=True)
class GitTag:
    """A tag and the commit that it names. `is_annotated`: it says who made it and when; a lightweight tag does not. `at`: ISO
    time, UTC. `seconds`: the same since 1970."""

    name: str
    commit: str
    is_annotated: bool
    who: str
    at: str
    seconds: int
    message: str


@dataclass(frozen=True, slots=True)
class GitCommit:
    """`at`: when it was committed, ISO time, UTC."""

    id: str
    who: str
    at: str
    message: str


class GitRepository:
    """The repository that a project lies in. `root`: the project's folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def prefix(self) -> str:
        """The project's folder inside the repository, with a slash at its end; empty for the repository's own."""
        return self._git("rev-parse", "--show-prefix").strip()

    @cached_property
    def is_shallow(self) -> bool:
        return self._git("rev-parse", "--is-shallow-repository").strip() == "true"

    def tags(self, *patterns: str) -> list[GitTag]:
        """Return the tags whose names fit one of the patterns, which may hold `*`."""
        form = "%00".join(f"%({field})" for field in _TAG_FIELDS)
        found: list[GitTag] = []
        for line in self._git(
            "for-each-ref", f"--format={form}", *(f"refs/tags/{one}" for one in patterns)
        ).splitlines():
            name, kind, own, inner, who, at, message = line.split("\0")
            is_annotated = kind == "tag"
            seconds = int(at or 0)
            commit = inner if is_annotated else own
            found.append(GitTag(name, commit, is_annotated, who, _iso_time(seconds), seconds, message))
        return found

    def head(self) -> str:
        """Return the commit that is checked out; an empty text where there is none yet."""
        return self.commit_named("HEAD") or ""

    def commit_named(self, text: str) -> str | None:
        """Return the id of the commit that a text names, such as a branch or the beginning of an id; None for other texts."""
        try:
            return self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{text}^{{commit}}").strip()
        except ToolFailed:
            return None

    def commits_of(self, path: str, starts: Sequence[str]) -> list[GitCommit]:
        """Return the commits from `starts` backwards that changed a file of the project, the newest first."""
        form = "%x00".join(_COMMIT_FIELDS)
        # Parents are followed on every side of a merge: what was made on a branch was made there.
        words = ("log", "--full-history", "--topo-order", f"--format={form}", *starts, "--", path)
        found = [line.split("\0", 3) for line in self._git(*words).splitlines()]
        return [GitCommit(name, who, _iso_time(int(at)), message) for name, who, at, message in found]

    def ids_of(self, places: Sequence[tuple[str, str]]) -> list[str]:
        """Return, for each (commit, path in the project), the id of the file's content; empty where it is not there."""
        asked = "".join(f"{commit}:{self.prefix}{path}\n" for commit, path in places)
        answers = self._git("cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked.encode()).splitlines()
        return [answer.split()[0] if answer.endswith(" blob") else "" for answer in answers]

    def text_of(self, content: str) -> str:
        """Return the content with this id as text."""
        return self._git("cat-file", "blob", content)

    def tag(self, name: str, commit: str, message: str) -> None:
        """Make an annotated tag. Raises ToolFailed where there is one of this name, or git does not know who makes it."""
        self._git("tag", "--annotate", "--message", message, name, commit)

    def _git(self, *words: str, stdin: bytes = b"") -> str:
        """Raises ToolFailed with what git wrote to stderr."""
        try:
            done = subprocess.run(
                ["git", "-c", "core.quotePath=false", *words], cwd=self.root, env=_environment(), check=False,
                capture_output=True, input=stdin,
            )  # fmt: skip
        except OSError as error:
            raise ToolFailed.of(
                "git cannot be started", f"git: {error.strerror}. Install it; names of versions are its tags."
            ) from error
        if done.returncode != 0:
            said = done.stderr.decode(errors="replace").strip()
            raise ToolFailed.of("git failed", f"`git {' '.join(words)}` ended with {done.returncode}: {said}")
        return done.stdout.decode(errors="replace")


def _iso_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _environment() -> Mapping[str, str]:
    return {**os.environ, **_QUIET}
