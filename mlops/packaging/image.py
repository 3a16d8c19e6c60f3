"""Make an image of a bento's content.

Lives here: Images (what an image is called, whether it is there, making it), the Dockerfile and the pins.
Not here: the programs that build (tools.oci), the bento (package).
Law: an image is named by its content; what is there is not built again, in whatever environment it was built. The
Dockerfile only copies: what is in the image was put together here, from pinned wheels, so that nothing has to run in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops.context.context import Context
from mlops.context.secrets import fill
from mlops.contracts.names import PORT, USER
from mlops.errors import MlopsError, ToolFailed
from mlops.tools.oci import Builder, pick
from mlops.tools.process import run
from mlops.tools.progress import ReportProgress
from mlops.tools.registry import RegistryAccess, image_digest
from mlops.tools.scratch import scratch

_FORMAT = 1
"""Counted up when the same content is put together otherwise."""
_OLDEST = (3, 11)
_ASK = (
    "import json,platform,sys;"
    "print('base:'+json.dumps([*sys.version_info[:2],platform.machine(),platform.libc_ver()[1],sys.platform]))"
)
_ENV = {
    "PYTHONPATH": "/app:/app/lib", "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "ORT_DISABLE_TELEMETRY": "1",
}  # fmt: skip


@dataclass(frozen=True)
class Content:
    """What goes in. `folder`: holds mlops/ and model/. `digest`: of that content. `needs`: the packages it imports."""

    name: str
    folder: Path
    digest: str
    model_digest: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Base:
    """What the base's Python says of itself. `glibc`: its minor version."""

    python: tuple[int, int]
    machine: str
    glibc: int

    def platforms(self) -> list[str]:
        """The tags of wheels that run there, newest first (PEP 600)."""
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in range(self.glibc, 4, -1)]
        return [*tags, f"manylinux2014_{self.machine}", f"linux_{self.machine}"]


@dataclass(frozen=True)
class Images:
    """Builds the image of one package, and looks for it. `section`: what the package says under `image`."""

    context: Context
    package: str
    section: Mapping[str, Any]

    @property
    def repository(self) -> str:
        return str(self.section.get("repository") or f"{self.context.settings.name}/{self.package}")

    def registry(self) -> RegistryAccess | None:
        """Return the environment's registry with its password, None where there is none. Raises MlopsError where a secret has no value."""
        registry: Any = self.context.settings.registry
        if not registry:
            return None
        folder = self.context.paths.secrets
        filled = {
            key: fill(value, folder, field=f"registry.{key}") for key, value in registry.items() if value is not None
        }
        return RegistryAccess(**filled)

    def make(self, content: Content, say: ReportProgress) -> dict[str, str]:
        """The outputs `image`, `image_digest` and `image_store`. What is there is taken as it is. Raises MlopsError."""
        pins = pinned(content.needs)
        dockerfile = render(content, self.section["base"], pins)
        tag = _key(dockerfile, pins, content)[:12]
        registry = self.registry()
        digest = self._pushed(registry, tag) if registry else None
        if registry and digest:
            return _outputs(registry.url, self.repository, tag, digest, "registry")
        with scratch(self.context.paths.building) as work:
            work.chmod(0o700)
            builder = pick(self.section.get("builder", "auto"), work, registry)
            host = registry.url if registry else "localhost"
            reference = f"{host}/{self.repository}:{tag}"
            digest = builder.digest(reference)
            if digest is None:
                base = self._base(builder, say)
                say("bringing the packages that serve", 0.5)
                context = put_together(work / "context", content, dockerfile, pins, base)
                say(f"building the image ({builder.name})", 0.6)
                builder.build(context, reference)
            if registry:
                say(f"pushing to {registry.host}", 0.8)
                return _outputs(host, self.repository, tag, builder.push(reference), "registry")
            digest = digest or builder.digest(reference)
        if digest is None:
            raise ToolFailed.of("image is not there", f"{builder.name} built {reference}, and now does not know it.")
        return _outputs(host, self.repository, tag, digest, builder.name)

    def lost(self, outputs: Mapping[str, Any]) -> str:
        """Say where a recorded image is gone from; nothing where it is there, or where nobody can find out."""
        store, tag = outputs.get("image_store"), str(outputs.get("image_tag"))
        try:
            if store == "registry":
                registry = self.registry()
                gone = (
                    registry
                    and image_digest(registry, self.repository, str(outputs["image_digest"]), timeout=2.0) is None
                )
                return registry.host if registry and gone else ""
            with scratch(self.context.paths.building) as work:
                builder = pick(str(store), work)
                return "" if builder.digest(f"localhost/{self.repository}:{tag}") else f"the storage of {builder.name}"
        except MlopsError:
            return ""

    def obstacle(self) -> str:
        """Say in a sentence why no image can be built here; nothing where one can."""
        try:
            with scratch(self.context.paths.building) as work:
                pick(self.section.get("builder", "auto"), work)
        except MlopsError as error:
            return error.problems[0].detail
        return ""

    def remove(self, outputs: Mapping[str, Any]) -> None:
        """Remove a recorded image from local storage; a registry clears its images itself."""
        if outputs.get("image_store") in (None, "registry"):
            return
        try:
            with scratch(self.context.paths.building) as work:
                pick(str(outputs["image_store"]), work).remove(f"localhost/{self.repository}:{outputs['image_tag']}")
        except MlopsError:
            return

    def _pushed(self, registry: RegistryAccess, tag: str) -> str | None:
        try:
            return image_digest(registry, self.repository, tag)
        except ToolFailed:
            return (
                None  # the builder may be logged in where this process is not, and says what is wrong where it is not
            )

    def _base(self, builder: Builder, say: ReportProgress) -> Base:
        """Asked once: what has a digest does not change."""
        base = str(self.section["base"])
        memory = self.context.root / ".mlops" / "cache" / "bases" / f"{base.rpartition(':')[2]}.json"
        try:
            return base_of(base, json.loads(memory.read_text()))
        except (OSError, ValueError):
            say(f"asking the base for its Python ({builder.name})", 0.4)
        answer = builder.ask(base, ["python3", "-c", _ASK])
        found = re.search(r"base:(\[.*\])", answer)
        if not found:
            raise ToolFailed.of("base does not answer", f"python3 in {base} said nothing of itself:\n{answer}")
        known = base_of(base, json.loads(found[1]))
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(found[1])
        return known


def base_of(base: str, answer: list[Any]) -> Base:
    """Raises MlopsError where nothing can be served on it."""
    major, minor, machine, libc, system = answer
    found = re.fullmatch(r"2\.(\d+)", libc)
    if (major, minor) < _OLDEST or system != "linux" or not found:
        raise MlopsError.of(
            "base does not fit",
            f"{base} has Python {major}.{minor} on {system}, glibc {libc or 'none'}. Serving needs Python 3.11 or newer and "
            "glibc (onnxruntime has no packages for musl): choose another, such as a Debian-based python image.",
        )
    return Base((major, minor), machine, int(found[1]))


def pinned(needs: Iterable[str]) -> list[str]:
    """NAME==VERSION of the packages and of what they need in turn, as they are installed here; sorted."""
    from packaging.requirements import Requirement

    found: dict[str, str] = {}
    todo = [Requirement(need) for need in needs]
    linux = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "extra": ""}
    while todo:
        need = todo.pop()
        name = re.sub(r"[-_.]+", "-", need.name).lower()
        if name in found or (need.marker and not need.marker.evaluate(linux)):
            continue
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise MlopsError.of(
                "package is not installed",
                f"{name} is needed to serve, and is not installed here. Install it: pip install 'mlops[package]'",
            ) from None
        todo += [Requirement(text) for text in importlib.metadata.requires(name) or ()]
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def render(content: Content, base: str, pins: list[str]) -> str:
    """The Dockerfile."""
    version = content.digest[:12]
    labels = {
        "org.opencontainers.image.title": content.name,
        "org.opencontainers.image.version": version,
        "org.opencontainers.image.base.name": base.partition("@")[0],
        "org.opencontainers.image.base.digest": base.partition("@")[2],
        "mlops.content.digest": content.digest,
        "mlops.model.digest": content.model_digest,
    }
    lines = [f"# {pin}" for pin in pins] + [
        f"FROM {base}",
        "COPY lib /app/lib",
        "COPY app /app",
        "WORKDIR /app",
        "ENV " + " ".join(f"{key}={value}" for key, value in {**_ENV, "MLOPS_VERSION": version}.items()),
        "LABEL " + " ".join(f"{key}={json.dumps(value)}" for key, value in labels.items()),
        f"EXPOSE {PORT}",
        f"USER {USER}:{USER}",
        'ENTRYPOINT ["python3", "-m", "mlops.workloads.serving.pod"]',
    ]
    return "\n".join(lines) + "\n"


def put_together(folder: Path, content: Content, dockerfile: str, pins: list[str], base: Base) -> Path:
    """The context of the build in `folder`: Dockerfile, lib/ (wheels, unpacked) and app/ (code and model)."""
    lib, app = folder / "lib", folder / "app"
    app.mkdir(parents=True)
    (folder / "Dockerfile").write_text(dockerfile)
    tags = [word for tag in base.platforms() for word in ("--platform", tag)]
    version = ".".join(map(str, base.python))
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--target", str(lib), "--no-deps", "--no-compile",
        "--only-binary", ":all:", "--implementation", "cp", "--python-version", version, *tags, *pins,
    ]  # fmt: skip
    try:
        run(command, cwd=folder, env={"PIP_DISABLE_PIP_VERSION_CHECK": "1"})
    except ToolFailed as error:
        raise ToolFailed.of(
            "packages for the image cannot be had",
            f"Wheels for Python {version} on {base.machine}, glibc 2.{base.glibc}, as the base has. {error.problems[0].detail}",
        ) from error
    for unused in (lib / "bin", *list(lib.rglob("tests"))):
        shutil.rmtree(unused, ignore_errors=True)
    for part in ("mlops", "model"):
        shutil.copytree(content.folder / part, app / part, ignore=shutil.ignore_patterns("__pycache__"))
    if base.python == sys.version_info[:2]:
        _compile(folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (0, 0))
    return folder


def _compile(folder: Path) -> None:
    """Compile to byte code that holds no time, with paths as they are in the container; in a process of its own, because what a
    process did before shows in the references that it writes."""
    for part in ("lib", "app"):
        target = "/app/lib" if part == "lib" else "/app"
        words = [
            "-q",
            "-q",
            "-s",
            str(folder / part),
            "-p",
            target,
            "--invalidation-mode",
            "unchecked-hash",
            str(folder / part),
        ]
        # A package may hold files for other Pythons; they stay as they are.
        with contextlib.suppress(ToolFailed):
            run([sys.executable, "-m", "compileall", *words], cwd=folder, env={"PYTHONHASHSEED": "0"})


def _key(dockerfile: str, pins: list[str], content: Content) -> str:
    text = json.dumps([_FORMAT, dockerfile, pins, content.digest])
    return hashlib.sha256(text.encode()).hexdigest()


def _outputs(host: str, repository: str, tag: str, digest: str, store: str) -> dict[str, str]:
    name = f"{host}/{repository}"
    return {
        "image": f"{name}@{digest}" if store == "registry" else f"{name}:{tag}", "image_digest": digest, "image_tag": tag,
        "image_store": store,
    }  # fmt: skip
