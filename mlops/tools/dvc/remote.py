"""Exchange outputs with other machines through DVC's remote.

Lives here: Remote, which pushes, pulls, and knows what is there; DeclaredRemote, what a project says of it; remote_of.
Not here: what is pushed when (kinds.staged), what a pod reports (report), DVC's settings (settings).
Law: a secret stands in no file, only in the environment of the DVC that needs it; what cannot be exchanged loses nothing.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError, ToolFailed
from mlops.tools.dvc import yaml12
from mlops.tools.dvc.cache import remove
from mlops.tools.dvc.lockfile import LockFile
from mlops.tools.dvc.reader import read_stages
from mlops.tools.dvc.settings import DvcSettings
from mlops.tools.process import beside_python, run
from mlops.tools.scratch import scratch

_NAME = "mlops-storage"
_OUTS = "outs.dvc"
_PATIENCE = 30.0
"""Seconds that a question to a remote may take; transfers may take as long as they need."""
_remembering = threading.Lock()

LockedOut = Mapping[str, Any]
"""An output as dvc.lock names it: path, md5, size."""


@dataclass(frozen=True)
class DeclaredRemote:
    """A remote that the project declares. `url`: an absolute folder, or `s3://…`. `options`: as DVC names them. `secrets`:
    returns environment variables with the credentials, and raises MlopsError where one has no value."""

    url: str
    options: Mapping[str, str]
    secrets: Callable[[], Mapping[str, str]]


def remote_of(root: Path, declared: DeclaredRemote | None = None) -> Remote | None:
    """Return the declared remote or, without one, DVC's default remote; None where there is neither."""
    settings = DvcSettings.of(root)
    if declared is not None:
        settings = settings.with_remote(_NAME, declared.url, declared.options)
    return Remote(root, settings, declared) if settings.remote else None


class Remote:
    """The remote of a project. `problem`: why it could not be asked, once that was tried."""

    def __init__(self, root: Path, settings: DvcSettings, declared: DeclaredRemote | None) -> None:
        self.root, self.settings, self.declared = root, settings, declared
        self.url = settings.remote or ""
        self.problem = ""
        self._absent: set[str] = set()
        self._taken = False

    @property
    def is_declared(self) -> bool:
        """Say whether the project declares it: then what is made is pushed there."""
        return self.declared is not None

    def secrets(self) -> Mapping[str, str]:
        """Return environment variables with its credentials. Raises MlopsError where one has no value."""
        return self.declared.secrets() if self.declared else {}

    def has(self, md5: str) -> bool | None:
        """Say whether an object is there; None where the remote cannot be asked. What is known is not asked again."""
        if self._folder is not None:
            return (self._folder / "files" / "md5" / md5[:2] / md5[2:]).exists() if self._folder.exists() else None
        if md5 not in self._known and md5 not in self._absent and not self.problem:
            self._ask(md5)
        return True if md5 in self._known else False if md5 in self._absent else None

    def take_problem(self) -> str:
        """Return why the remote could not be asked, at the first call; afterwards, and where it answered, an empty text."""
        problem, self._taken = ("" if self._taken else self.problem), self._taken or bool(self.problem)
        return problem

    def lacks(self, md5: str) -> bool:
        """Say whether an object is certainly not there."""
        return self.has(md5) is False or (self._folder is not None and not self._folder.exists())

    def push(self, outs: Sequence[LockedOut], *, again: bool = False) -> None:
        """Push what is not known to be there; `again`: look there for what is known, too. What an interrupted push sent is
        not sent twice. Raises ToolFailed."""
        missing = [out for out in outs if (again and self._is_cached(out["md5"])) or not self._is_known(out["md5"])]
        if not missing:
            return
        with self._repository(missing) as folder:
            self._dvc(folder, "push", "written")
        self._remember([out["md5"] for out in missing])

    def pull(self, outs: Sequence[LockedOut], *, replace: bool = False) -> None:
        """Put outputs into their places, by way of the cache: all, or none. What is in its place stays as it is, unless
        `replace`. Raises ToolFailed."""
        missing = [out for out in outs if replace or not (self.root / out["path"]).exists()]
        if not missing:
            return
        with self._repository(missing) as folder:
            try:
                self._dvc(folder, "pull", "read")
            except ToolFailed:
                self._forget([out["md5"] for out in missing])
                raise
            for out in missing:
                remove(self.root / out["path"])
                (self.root / out["path"]).parent.mkdir(parents=True, exist_ok=True)
                shutil.move(folder / out["path"], self.root / out["path"])
        self._remember([out["md5"] for out in missing])

    @cached_property
    def _folder(self) -> Path | None:
        return None if "://" in self.url else Path(self.url)

    def _ask(self, md5: str) -> None:
        """Ask for this object and for all of dvc.lock whose presence is unknown, at once."""
        asked = sorted({md5, *locked_md5s(self.root)} - self._known)
        with self._repository(()) as folder:
            question = folder / "asked.json"
            question.write_text(json.dumps(asked))
            try:
                words = [sys.executable, "-m", "mlops.workloads.presence", str(question)]
                self._run(words, folder, "asked", env={"AWS_MAX_ATTEMPTS": "2"}, timeout=_PATIENCE)
                found = set(json.loads(question.with_name("found.json").read_text()))
            except MlopsError as error:
                self.problem = error.problems[0].detail
                return
        self._absent |= set(asked) - found
        self._remember(found)

    def _dvc(self, folder: Path, verb: str, deed: str) -> None:
        self._run([beside_python("dvc"), verb, _OUTS], folder, deed)

    def _run(
        self, words: Sequence[str], folder: Path, deed: str, *, env: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> None:  # fmt: skip
        """Run a program in a temporary repository. `deed`: what it does with the remote, for the error."""
        if self.url.startswith("s3://") and find_spec("dvc_s3") is None:
            raise ToolFailed.of(
                "remote cannot be reached",
                f"{self.url} needs the package dvc-s3, which is not installed. Install it: pip install 'mlops[storage-s3]'",
            )
        secrets = self.secrets()
        try:
            run(words, cwd=folder, env={**secrets, **(env or {})}, timeout=timeout)
        except ToolFailed as error:
            reason = _reason(error.problems[0].detail)
            for value in filter(None, secrets.values()):
                reason = reason.replace(value, "***")
            raise ToolFailed.of(
                "remote cannot be reached",
                f"{self.url} could not be {deed}: {reason}\nWhat is on this machine is kept; when the remote answers, the "
                "same command goes on from there.",
            ) from None

    @contextmanager
    def _repository(self, outs: Sequence[LockedOut]) -> Iterator[Path]:
        """Lend a temporary repository with our cache and these outputs: dvc.lock may not name them yet, DVC would not exchange
        the metrics and plots of a stage, and what is declared stands in none of the project's files of DVC."""
        with scratch(self.root / ".mlops" / "tmp") as folder:
            (folder / ".dvc").mkdir()
            for name, text in self.settings.texts(cache=True, site=folder / "site").items():
                (folder / ".dvc" / name).touch(mode=0o600)
                (folder / ".dvc" / name).write_text(text)
            (folder / _OUTS).write_text(yaml12.dumps({"outs": [dict(out) for out in outs]}))
            yield folder

    @property
    def _memory(self) -> Path:
        identity = json.dumps([self.url, self.declared.options if self.declared else {}], sort_keys=True, default=dict)
        name = hashlib.sha256(identity.encode()).hexdigest()[:16]
        return self.root / ".mlops" / "cache" / "remote" / f"{name}.json"

    @cached_property
    def _known(self) -> set[str]:
        """The objects that are known to be there: what was pushed, pulled or asked for."""
        try:
            return set(json.loads(self._memory.read_text()))
        except (OSError, ValueError, TypeError):
            return set()

    def _is_cached(self, md5: str) -> bool:
        return (self.settings.cache / "files" / "md5" / md5[:2] / md5[2:]).exists()

    def _is_known(self, md5: str) -> bool:
        return md5 in self._known if self._folder is None else bool(self.has(md5))

    def _remember(self, md5s: Iterable[str]) -> None:
        self._write({*md5s}, set())

    def _forget(self, md5s: Iterable[str]) -> None:
        self._write(set(), {*md5s})

    def _write(self, more: set[str], fewer: set[str]) -> None:
        with _remembering:
            self.__dict__.pop("_known", None)
            known = (self._known | more) - fewer
            self.__dict__["_known"] = known
            self._absent -= more
            if self._folder is None:
                self._memory.parent.mkdir(parents=True, exist_ok=True)
                temporary = self._memory.with_suffix(".part")
                temporary.write_text(json.dumps(sorted(known)))
                temporary.replace(self._memory)


def _reason(output: str) -> str:
    """Return what DVC said of its failure: its lines of errors, or the end of what it wrote."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    return " ".join(errors) or "\n".join(lines[-3:])


def locked_outs(root: Path, stages: Iterable[str] | None = None, *, metrics: bool = False) -> list[LockedOut]:
    """Return the outputs that DVC keeps, as dvc.lock names them; of these stages, or of all. `metrics`: also those that git
    keeps, such as metrics and plots."""
    known, entries = read_stages(root), LockFile(root).entries()
    names = [name for name in (known if stages is None else stages) if name in known and name in entries]
    kept = {(name, out.path) for name in names for out in known[name].outs if out.cache or metrics}
    return [out for name in names for out in entries[name].get("outs", ()) if (name, out["path"]) in kept]


def locked_md5s(root: Path) -> set[str]:
    """Return the digests of all outputs that DVC keeps."""
    return {str(out["md5"]) for out in locked_outs(root) if out.get("md5")}
