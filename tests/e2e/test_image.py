"""The image of a package, for real: built by buildah on a Debian base, run by crun, pushed to a registry."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import images
from tests.e2e.conftest import BIN, Workplace, make_small
from tests.ports import any_port

ROW = {"number": 0.4, "color": "red"}
KEY = "the-key-of-the-container"
PASSWORD = "a password of the tests"


def outputs_of(place: Workplace) -> dict[str, Any]:
    outputs: dict[str, Any] = json.loads(place.mlops("state", "pull").stdout)["records"]["package.late"]["outputs"]
    return outputs


@dataclass(frozen=True)
class Pictured:
    place: Workplace
    storage: images.Storage
    base: str

    def outputs(self) -> dict[str, Any]:
        return outputs_of(self.place)


@pytest.fixture(scope="module")
def pictured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pictured]:
    """A small project whose package has an image, applied."""
    images.needed()
    folder = tmp_path_factory.mktemp("image")
    storage = images.Storage(folder / "storage")
    base = storage.bring_base(images.base_archive())
    place = make_small(folder / "project")
    for kind in ("endpoint", "monitor", "stack"):
        shutil.rmtree(place.root / "conf" / kind)
    (place.root / "conf/package/late.yaml").write_text(f"model: late\nimage: {{ base: {base} }}\n")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in storage.env.items():
            patch.setenv(name, value)
        place.mlops("apply", "--yes")
        yield Pictured(place, storage, base)
        place.mlops("destroy", "--yes", code=None)


def test_the_image_is_recorded_by_its_digest(pictured: Pictured) -> None:
    outputs = pictured.outputs()
    assert outputs["image"].startswith("localhost/small/late:")
    assert outputs["image_digest"] == pictured.storage.digest(outputs["image"])
    assert outputs["image_store"] == "buildah"


def test_the_image_says_what_it_is_and_runs_as_nobody(pictured: Pictured) -> None:
    outputs = pictured.outputs()
    config = pictured.storage.config(outputs["image"])
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["python3", "-m", "mlops.workloads.serving.pod"]
    assert config["Labels"]["org.opencontainers.image.base.digest"] == pictured.base.partition("@")[2]
    assert config["Labels"]["mlops.model.digest"] == outputs["model_digest"]


def test_a_second_apply_builds_nothing(pictured: Pictured) -> None:
    before = pictured.outputs()
    pictured.place.mlops("plan", "--detailed-exitcode", code=0)
    pictured.place.edit("conf/package/late.yaml", "model: late\n", "model: late\ndescription: for people\n")
    assert "building" not in pictured.place.mlops("apply", "--yes").stdout
    pictured.place.edit("conf/package/late.yaml", "description: for people\n", "")
    pictured.place.mlops("apply", "--yes")
    assert pictured.outputs() == before


def test_an_image_that_was_lost_is_built_again_to_the_same_digest(pictured: Pictured) -> None:
    before = pictured.outputs()
    pictured.storage.buildah("rmi", before["image"])
    change = next(c for c in pictured.place.plan()["changes"] if c["address"] == "package.late")
    assert change["category"] == "REPACKAGE"
    assert "no longer in the storage of buildah" in " ".join(reason["text"] for reason in change["reasons"])
    pictured.place.mlops("apply", "--yes")
    assert pictured.outputs() == before


def test_in_a_container_with_a_read_only_root_it_answers_its_golden_request(pictured: Pictured, tmp_path: Path) -> None:
    image = pictured.outputs()["image"]
    port = any_port()
    log, key = tmp_path / "log", tmp_path / "key"
    log.mkdir()
    os.chown(log, 65532, 65532)
    key.write_text(f"{KEY}\n")
    env = {
        "MLOPS_VERSION": "v7", "MLOPS_PORT": str(port), "MLOPS_LOG_DIR": "/log", "MLOPS_LOG_FLUSH": "0.1",
        "MLOPS_API_KEY_FILE": "/key", "MLOPS_DRAIN": "600",
    }  # fmt: skip
    mounts = {"/log": log, "/key": key}
    with images.container(pictured.storage, image, tmp_path / "run", env=env, mounts=mounts) as running:
        images.until(lambda: running.ready().returncode == 0, lambda: running.log.read_text() + running.ready().stderr)
        assert running.ready().stdout.startswith("ready: v7 answered 16 golden rows")
        assert running.exec("python3", "-c", "import os; print(os.getuid())").stdout == "65532\n"
        assert "Read-only file system" in running.exec("python3", "-c", "open('/app/x', 'w')").stderr
        url = f"http://127.0.0.1:{port}"
        assert httpx.post(f"{url}/predict", json=ROW).status_code == 401
        answer = httpx.post(f"{url}/predict", json=ROW, headers={"x-api-key": KEY})
        assert (answer.status_code, answer.json()["version"]) == (200, "v7")
        running.stop()
        images.until(lambda: httpx.get(f"{url}/readyz").status_code == 503, running.log.read_text)
        assert running.ready().returncode == 1
        assert httpx.post(f"{url}/predict", json=ROW, headers={"x-api-key": KEY}).status_code == 200
        running.stop()
        assert running.process.wait(30) == 0, running.log.read_text()
    lines = [
        json.loads(line) for path in log.glob("*.jsonl") for line in path.read_text().splitlines() if '"q"' in line
    ]
    assert [line["q"] for line in lines] == [ROW, ROW], "the golden requests of the probe are not logged"


def test_pushed_image_is_recorded_and_not_built_by_the_next_project(
    pictured: Pictured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = pictured.place
    with images.registry(tmp_path / "registry", any_port(), "tester", PASSWORD) as host:
        monkeypatch.setenv("REGISTRY_PASSWORD", PASSWORD)
        registry = f"registry: {{ url: {host}/team, username: tester, password: '${{secret:REGISTRY_PASSWORD}}', insecure: true }}\n"
        (place.root / "conf/env/dev.yaml").write_text(registry)
        done = place.mlops("apply", "--yes")
        assert PASSWORD not in done.stdout + done.stderr
        outputs = pictured.outputs()
        assert outputs["image"] == f"{host}/team/small/late@{outputs['image_digest']}"
        elsewhere = images.Storage(tmp_path / "elsewhere")
        elsewhere.buildah("pull", "--quiet", "--tls-verify=false", "--creds", f"tester:{PASSWORD}", outputs["image"])
        assert elsewhere.digest(outputs["image"]) == outputs["image_digest"]
        place.mlops("plan", "--detailed-exitcode", code=0)
        # Somebody else, without a builder: what the registry has is deployed, not built.
        for name, value in elsewhere.env.items():
            monkeypatch.setenv(name, value)
        (place.root / ".mlops/state.db").unlink()
        monkeypatch.setenv("PATH", str(without_builders(tmp_path)))
        place.mlops("apply", "--yes")
        assert pictured.outputs() == outputs
    (place.root / "conf/env/dev.yaml").write_text("{}\n")


def test_without_a_builder_the_plan_says_what_to_do(
    pictured: Pictured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (pictured.place.root / ".mlops/state.db").unlink()
    monkeypatch.setenv("PATH", str(without_builders(tmp_path)))
    told = pictured.place.mlops("apply", "--yes", code=1)
    assert "docker (not found), podman (not found), buildah (not found)" in " ".join(told.stderr.split())
    assert "take `image` out" in " ".join(told.stderr.split())


def without_builders(folder: Path) -> Path:
    """A folder of programs: git and a shell, and the environment's own."""
    programs = folder / "programs"
    programs.mkdir()
    for name in ("git", "sh", "bash", "env"):
        (programs / name).symlink_to(str(shutil.which(name)))
    assert not any((BIN / name).exists() for name in ("docker", "podman", "buildah"))
    return programs
