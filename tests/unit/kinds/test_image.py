"""What goes into an image, and what it is called."""

from __future__ import annotations

import importlib.metadata
import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlops.config.project import ProjectSettings
from mlops.context.context import Context
from mlops.errors import MlopsError, ToolFailed
from mlops.packaging import image
from mlops.packaging.bento import NEEDS
from mlops.packaging.image import Base, Content, Images, base_of, pinned, put_together, render

BASE = f"docker.io/library/python@sha256:{'1' * 64}"
CONTENT = Content("delay", Path("/nowhere"), "c" * 64, "m" * 32, ("uvicorn",))
PINS = ["click==8.1.0", "uvicorn==0.40.0"]


def silent(line: str, fraction: float | None) -> None:
    pass


def test_the_dockerfile_only_copies_and_names_everything_by_digest() -> None:
    told = render(CONTENT, BASE, PINS)
    assert (
        told
        == f"""\
# click==8.1.0
# uvicorn==0.40.0
FROM {BASE}
COPY lib /app/lib
COPY app /app
WORKDIR /app
ENV PYTHONPATH=/app:/app/lib PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ORT_DISABLE_TELEMETRY=1 MLOPS_VERSION=cccccccccccc
LABEL org.opencontainers.image.title="delay" org.opencontainers.image.version="cccccccccccc" \
org.opencontainers.image.base.name="docker.io/library/python" \
org.opencontainers.image.base.digest="sha256:{"1" * 64}" mlops.content.digest="{"c" * 64}" mlops.model.digest="{"m" * 32}"
EXPOSE 8000
USER 65532:65532
ENTRYPOINT ["python3", "-m", "mlops.workloads.serving.pod"]
"""
    )


def test_what_is_needed_in_turn_is_pinned_as_it_is_installed_here() -> None:
    told = dict(pin.split("==") for pin in pinned(["uvicorn", "onnxruntime"]))
    assert {"uvicorn", "h11", "click", "onnxruntime", "numpy", "protobuf"} <= set(told)
    assert told["uvicorn"] == importlib.metadata.version("uvicorn")
    assert not {"torch", "pyyaml", "websockets", "colorama", "mlops"} & set(told), "no extra, nothing of other systems"
    with pytest.raises(MlopsError, match="no-such-package is needed to serve"):
        pinned(["no-such-package"])


def test_what_serving_needs_is_small() -> None:
    assert len(pinned(NEEDS)) <= 12


def test_a_base_tells_which_wheels_run_there() -> None:
    base = base_of(BASE, [3, 11, "x86_64", "2.28", "linux"])
    assert base == Base((3, 11), "x86_64", 28)
    assert base.platforms()[0] == "manylinux_2_28_x86_64"
    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64"} <= set(base.platforms())
    assert "manylinux_2_29_x86_64" not in base.platforms()


@pytest.mark.parametrize(
    ("answer", "words"),
    [([3, 10, "x86_64", "2.36", "linux"], "Python 3.10"), ([3, 12, "x86_64", "", "linux"], "glibc none")],
)
def test_a_base_that_cannot_serve_is_refused(answer: list[Any], words: str) -> None:
    with pytest.raises(MlopsError, match=words):
        base_of(BASE, answer)


def content_in(folder: Path) -> Content:
    for name in ("mlops/__init__.py", "mlops/__pycache__/x.pyc", "model/model.onnx"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("1\n")
    return replace(CONTENT, folder=folder)


def test_the_context_is_the_same_bytes_modes_and_times_whoever_makes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = image.run

    def install(command: list[str], *, cwd: Path, env: dict[str, str]) -> str:
        if "compileall" in command:
            return real(command, cwd=cwd, env=env)
        assert command[-1] == "uvicorn==0.40.0"
        assert command[command.index("--python-version") + 1] == "3.11"
        for name in ("bin/uvicorn", "uvicorn/__init__.py", "numpy/tests/test_all.py"):
            path = cwd / "lib" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("x = 1\n")
            path.chmod(0o600)
        return ""

    monkeypatch.setattr(image, "run", install)
    content = content_in(tmp_path / "bento")
    made = [put_together(tmp_path / name, content, "FROM x\n", PINS, Base((3, 11), "x86_64", 36)) for name in "ab"]
    told = [
        {
            str(path.relative_to(folder)): (
                stat.S_IMODE(path.stat().st_mode), path.stat().st_mtime, path.read_bytes() if path.is_file() else b""
            )
            for path in folder.rglob("*")
        }
        for folder in made
    ]  # fmt: skip
    assert told[0] == told[1]
    assert {mode for mode, _, _ in told[0].values()} == {0o755, 0o644}
    assert {time for _, time, _ in told[0].values()} == {0.0}
    names = {name for name in told[0] if not name.endswith(".pyc")}
    assert "app/model/model.onnx" in names
    assert not [name for name in names if "tests" in name or name.startswith("lib/bin")]


def images_of(root: Path, **registry: Any) -> Images:
    return Images(Context(root, ProjectSettings("flights", "dev", registry=registry)), "delay", {"base": BASE})


class Fake:
    """A builder that only remembers."""

    name = "buildah"

    def __init__(self) -> None:
        self.done: list[str] = []
        self.known: dict[str, str] = {}

    def ask(self, base: str, command: list[str]) -> str:
        self.done.append("ask")
        return 'warning\nbase:[3, 11, "x86_64", "2.36", "linux"]\n'

    def build(self, folder: Path, reference: str) -> None:
        self.done.append("build")
        self.known[reference] = f"sha256:{'d' * 64}"

    def push(self, reference: str) -> str:
        self.done.append("push")
        return f"sha256:{'e' * 64}"

    def digest(self, reference: str) -> str | None:
        return self.known.get(reference)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake()
    monkeypatch.setattr(image, "pick", lambda wanted, work, registry=None: made)
    monkeypatch.setattr(image, "put_together", lambda folder, *rest: folder)
    return made


def test_without_a_registry_the_image_stays_here_and_is_built_once(tmp_path: Path, fake: Fake) -> None:
    made = images_of(tmp_path).make(CONTENT, silent)
    assert made["image"] == f"localhost/flights/delay:{made['image_tag']}"
    assert (made["image_digest"], made["image_store"]) == (f"sha256:{'d' * 64}", "buildah")
    assert images_of(tmp_path).make(CONTENT, silent) == made
    assert fake.done == ["ask", "build"]
    other = images_of(tmp_path).make(replace(CONTENT, digest="f" * 64), silent)
    assert other["image_tag"] != made["image_tag"]
    assert fake.done == ["ask", "build", "build"], "what has a digest is asked once"


def test_what_the_registry_has_is_neither_built_nor_pushed(
    tmp_path: Path, fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[str | None] = [None, f"sha256:{'e' * 64}"]
    monkeypatch.setattr(image, "image_digest", lambda registry, repository, tag: there.pop(0))
    images = images_of(tmp_path, url="registry.example.com/team")
    pushed = images.make(CONTENT, silent)
    assert pushed["image"] == f"registry.example.com/team/flights/delay@sha256:{'e' * 64}"
    assert images.make(CONTENT, silent) == pushed
    assert fake.done == ["ask", "build", "push"]


def test_an_image_is_lost_only_where_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = {"image_store": "registry", "image_digest": f"sha256:{'e' * 64}", "image_tag": "t"}
    images = images_of(tmp_path, url="registry.example.com/team")

    def unreachable(*words: Any, **more: Any) -> str:
        raise ToolFailed.of("registry does not tell", "it cannot be reached")

    for image_digest, lost in (
        (lambda *w, **m: None, "registry.example.com"),
        (lambda *w, **m: "sha256:e", ""),
        (unreachable, ""),
    ):
        monkeypatch.setattr(image, "image_digest", image_digest)
        assert images.lost(outputs) == lost


def test_a_registrys_password_is_read_where_secrets_are_and_shown_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = images_of(tmp_path, url="r.example.com", username="me", password="${secret:A_PASSWORD}")
    with pytest.raises(MlopsError, match=r"`registry.password` needs the secret A_PASSWORD"):
        images.registry()
    monkeypatch.setenv("A_PASSWORD", "hunter2")
    registry = images.registry()
    assert registry is not None
    assert registry.password == "hunter2"
    assert "hunter2" not in repr(registry) + json.dumps(dict(images.context.settings.registry))
