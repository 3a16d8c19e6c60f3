"""Build and keep images, with docker, podman or buildah.

Lives here: pick, which finds a builder that works, and Builder, what is asked of one.
Not here: what goes into an image (packaging.image), asking a registry without a builder (registry).
Law: the one door to these programs; the machine's own settings of them (storage, isolation, logins) stay in force.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError, ToolFailed
from mlops.tools.process import program_environment, run
from mlops.tools.registry import RegistryAccess

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_ABSENT = re.compile(r"no such image|image not known|does not exist|not found|unable to find", re.IGNORECASE)
_PROBING = 20.0
_EPOCH = {"SOURCE_DATE_EPOCH": "0", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


@dataclass(frozen=True)
class Builder(ABC):
    """A program that builds images. `path`: the program. `registry`: where images are pushed; None where they stay in
    local storage. `work`: a folder for private files, which is removed afterwards.

    References are NAME:TAG. Every method raises ToolFailed.
    """

    path: str
    work: Path
    registry: RegistryAccess | None = None

    name = ""

    def trouble(self) -> str:
        """Return why the program cannot be used, as the end of a sentence; nothing where it can."""
        return ""

    @abstractmethod
    def ask(self, base: str, command: list[str]) -> str:
        """Return what `command` wrote, run once in a temporary container of `base`."""

    @abstractmethod
    def build(self, folder: Path, reference: str) -> None:
        """Build an image from `folder`/Dockerfile and the files beside it, with all times at the epoch."""

    @abstractmethod
    def push(self, reference: str) -> str:
        """Push to the registry that the reference names, and return the digest of the manifest there."""

    @abstractmethod
    def _inspect(self, reference: str) -> str: ...

    def digest(self, reference: str) -> str | None:
        """Return the digest of an image in local storage; None where it is not there."""
        try:
            found = _DIGEST.search(self._inspect(reference))
        except ToolFailed as error:
            if _ABSENT.search(str(error)):
                return None
            raise
        return found[0] if found else None

    def remove(self, reference: str) -> None:
        """Remove an image from local storage; idempotent."""
        with contextlib.suppress(ToolFailed):
            self.run("rmi", reference)

    def run(self, *words: str, timeout: float | None = None) -> str:
        return run([self.path, *words], cwd=self.work, env={**_EPOCH, **self.login()}, timeout=timeout)

    def login(self) -> dict[str, str]:
        """Return the environment in which the program uses this registry's password, besides the user's own logins."""
        if self.registry is None or self.registry.token is None:
            return {}
        known = next((path for path in _auth_files() if path.is_file()), None)
        path = _write_login(self.work / "auth.json", known, self.registry)
        return {"REGISTRY_AUTH_FILE": str(path)}

    def tls(self, reference: str) -> list[str]:
        """Return the flag for a registry without a certificate, where `reference` lies there."""
        ours = self.registry is not None and reference.startswith(f"{self.registry.host}/")
        return ["--tls-verify=false"] if ours and self.registry and self.registry.insecure else []


class Docker(Builder):
    name = "docker"

    def trouble(self) -> str:
        try:
            self.run("version", "--format", "{{.Server.Version}}", timeout=_PROBING)
        except ToolFailed:
            return "found, but its daemon does not answer"
        return ""

    def ask(self, base: str, command: list[str]) -> str:
        return self.run("run", "--rm", "--network", "none", "--entrypoint", command[0], base, *command[1:])

    def build(self, folder: Path, reference: str) -> None:
        self.run("build", "--quiet", "--tag", reference, str(folder))

    def push(self, reference: str) -> str:
        return _one_digest(self.run("push", reference), reference)

    def _inspect(self, reference: str) -> str:
        return self.run("image", "inspect", "--format", "{{.Id}}", reference)

    def login(self) -> dict[str, str]:
        """Use a copy of the user's folder: docker reads logins from nowhere else, and keeps contexts and plug-ins
        there."""
        if self.registry is None or self.registry.token is None:
            return {}
        user = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
        folder = self.work / "docker"
        folder.mkdir(mode=0o700, exist_ok=True)
        for entry in user.iterdir() if user.is_dir() else ():
            if entry.name != "config.json" and not (folder / entry.name).exists():
                (folder / entry.name).symlink_to(entry)
        _write_login(folder / "config.json", user / "config.json", self.registry)
        return {"DOCKER_CONFIG": str(folder)}


class Podman(Builder):
    name = "podman"

    def ask(self, base: str, command: list[str]) -> str:
        words = ["--rm", "--network", "none", *self.tls(base), "--entrypoint", command[0], base, *command[1:]]
        return self.run("run", *words)

    def build(self, folder: Path, reference: str) -> None:
        tls = self.tls(_base_of(folder))
        self.run("build", "--quiet", "--timestamp", "0", *tls, "--tag", reference, str(folder))

    def push(self, reference: str) -> str:
        written = self.work / "pushed"
        self.run("push", *self.tls(reference), "--digestfile", str(written), reference)
        return _one_digest(written.read_text(), reference)

    def _inspect(self, reference: str) -> str:
        return self.run("image", "inspect", "--format", "{{.Digest}}", reference)


class Buildah(Podman):
    name = "buildah"

    def ask(self, base: str, command: list[str]) -> str:
        with self._container(base) as container:
            return self.run("run", container, "--", *command)

    def build(self, folder: Path, reference: str) -> None:
        tls = self.tls(_base_of(folder))
        layers = [] if "BUILDAH_LAYERS" in os.environ else ["--layers"]
        self.run("build", "--quiet", "--timestamp", "0", *layers, *tls, "--tag", reference, str(folder))

    def _inspect(self, reference: str) -> str:
        return self.run("inspect", "--type", "image", "--format", "{{.FromImageDigest}}", reference)

    @contextlib.contextmanager
    def _container(self, base: str) -> Iterator[str]:
        name = self.run("from", "--quiet", *self.tls(base), base).split()[-1]
        try:
            yield name
        finally:
            self.run("rm", name)


_ALL: tuple[type[Builder], ...] = (Docker, Podman, Buildah)


def pick(wanted: str, work: Path, registry: RegistryAccess | None = None) -> Builder:
    """Return a builder that works. `wanted`: one of docker, podman and buildah, or `auto` for the first of them that
    works. Raises MlopsError."""
    tried: list[str] = []
    for kind in _ALL:
        if wanted not in ("auto", kind.name):
            continue
        path = shutil.which(kind.name, path=program_environment()["PATH"])
        if path is None:
            tried.append(f"{kind.name} (not found)")
            continue
        builder = kind(path, work, registry)
        trouble = builder.trouble()
        if not trouble:
            return builder
        tried.append(f"{kind.name} ({trouble})")
    raise MlopsError.of(
        "no builder of images",
        f"`image` needs a program that builds one. Looked for: {', '.join(tried)}. Install one (buildah and podman need no "
        "daemon), start docker's, or take `image` out: the package works on this machine without.",
    )


def _base_of(folder: Path) -> str:
    return (folder / "Dockerfile").read_text().partition("FROM ")[2].split()[0]


def _one_digest(text: str, reference: str) -> str:
    found: list[str] = _DIGEST.findall(text)
    if not found:
        raise ToolFailed.of("no digest", f"{reference} was pushed, and the builder did not say its digest:\n{text}")
    return found[-1]


def _auth_files() -> Iterator[Path]:
    """Yield the places where podman and buildah look for logins (containers-auth.json), in their order."""
    if "REGISTRY_AUTH_FILE" in os.environ:
        yield Path(os.environ["REGISTRY_AUTH_FILE"])
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    yield (
        (Path(runtime) if runtime else Path("/run"))
        / "containers"
        / ("" if runtime else str(os.getuid()))
        / "auth.json"
    )
    yield Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "containers" / "auth.json"
    yield Path.home() / ".docker" / "config.json"


def _write_login(path: Path, known: Path | None, registry: RegistryAccess) -> Path:
    """Write `known` with the login of this registry added, mode 0600; credential helpers are not asked for this
    registry."""
    config: dict[str, Any] = {}
    if known is not None and known.is_file():
        with contextlib.suppress(ValueError):
            config = json.loads(known.read_text())
    store = config.pop("credsStore", None)
    others = {host: auth for host, auth in config.get("auths", {}).items() if host != registry.host}
    helpers = {**(dict.fromkeys(others, store) if store else {}), **config.get("credHelpers", {})}
    config["auths"] = {**others, registry.host: {"auth": registry.token}}
    config["credHelpers"] = {host: helper for host, helper in helpers.items() if host != registry.host}
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(config, file)
    return path
