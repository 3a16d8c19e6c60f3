"""What a package means.

Lives here: PackageKind, and the staging of a bento's content.
Not here: the application inside (workloads.serving), the image (image).
Law: a bento is named by its content without times; equal content is built once.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mlops
from mlops.address import Address
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.context.context import KEEPING, effect_of, without
from mlops.context.status import Status
from mlops.engine.resource import Dependency, Desired, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError
from mlops.kinds.base import BaseKind
from mlops.tools.dvc.run import checkout
from mlops.tools.process import beside_python, run
from mlops.tools.scratch import scratch

if TYPE_CHECKING:
    from mlops.packaging.image import Images

_SERVING = ("__init__.py", "workloads/__init__.py", "workloads/parent_death.py", "workloads/serving")
_NEEDS = ("onnxruntime", "numpy", "msgspec", "uvicorn", "httptools", "uvloop")
_API = {"max_rows": 10_000, "gather": True, "threshold": 0.5, "golden_rows": 16}


class PackageKind(BaseKind):
    name = "package"
    keeping = KEEPING
    created = effect_of(Category.REPACKAGE)

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        needs = (Dependency(Address("model", resource.inputs["model"]), self.created, "digest"),)
        inputs, origins = dict(resource.inputs), dict(resource.origins)
        if inputs.get("image"):
            inputs["image"] = without(inputs["image"], "registry")
            if registry := project.settings.registry:
                inputs["image"]["registry"] = registry.url
                origins["image.registry"] = project.settings.origins.get("registry.url", "")
        return Desired(resource.address, inputs, needs, resource.protect, origins, resource.effective)

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        obstacles, lost = self._look_at_image(address, desired, record)
        if record is None or desired is None:
            return Observed(record, exists=record is not None, obstacles=obstacles)
        stale: tuple[Stale, ...] = ()
        if lost:
            stale += (Stale(Reason(f"its image is no longer in {lost}"), self.created),)
        if record.outputs.get("code") not in (None, serving_code()):
            stale += (Stale(Reason("the code that serves changed (mlops.workloads.serving)"), self.created),)
        bento = record.outputs.get("bento")
        there = bento is None or (Path(bento) / "model.onnx").exists()
        return Observed(record, exists=there, stale=stale, obstacles=obstacles)

    def _look_at_image(
        self, address: Address, desired: Desired | None, record: Record | None
    ) -> tuple[tuple[str, ...], str]:
        """Why none can be built, and where the recorded one is not any more; a registry may hold what nobody here builds."""
        images = self._images(address, desired)
        if images is None:
            return (), ""
        if record is not None and "image" in record.outputs:
            return (), images.lost(record.outputs)
        obstacle = "" if self.context.settings.registry else images.obstacle()
        return ((obstacle,) if obstacle else ()), ""

    def _images(self, address: Address, desired: Desired | None) -> Images | None:
        told = desired.inputs.get("image") if desired else None
        return self._images_of(address, told) if told else None

    def _images_of(self, address: Address, told: Mapping[str, Any]) -> Images:
        from mlops.packaging.image import Images  # builders and registries: most plans touch none

        return Images(self.context, address.name, told)

    def create(self, step: Step) -> Outcome:
        assert step.desired is not None
        inputs = step.desired.inputs
        name, model = step.address.name, inputs["model"]
        exported = self.context.root / "models" / model / "export"
        digest = step.upstream[Address("model", model)].get("digest")
        if not exported.exists() or self.context.hashes.tree(exported) != digest:
            checkout(self.context.root, [f"export@{model}"])
        if self.context.hashes.tree(exported) != digest:
            raise MlopsError.of(
                "model is not the one that was judged",
                f"{exported} is not what dvc.lock pins ({digest}). Bring it back: dvc checkout export@{model}",
            )
        self.context.paths.bentos.mkdir(parents=True, exist_ok=True)
        with scratch(self.context.paths.building) as staged:
            content = stage(staged, name, exported, inputs)
            version = content[:12]
            folder = self.context.paths.bentos / "bentos" / name / version
            if not (folder / "bento.yaml").exists():
                step.say("building the bento", 0.3)
                shutil.rmtree(folder, ignore_errors=True)
                run(
                    [beside_python("bentoml"), "build", "--version", version, "-o", "tag", str(staged)], cwd=staged,
                    env={"BENTOML_HOME": str(self.context.paths.bentos), "PYTHONPATH": str(staged)},
                )  # fmt: skip
        outputs = {
            "digest": content, "tag": f"{name}:{version}", "bento": str(folder / "src" / "model"), "model": model,
            "model_digest": digest, "code": serving_code(),
        }  # fmt: skip
        if "image" in inputs:
            outputs |= self._image(step, folder / "src", content, str(digest))
        return Outcome(outputs, f"{name}:{version}" + (", with its image" if "image" in inputs else ""))

    def _image(self, step: Step, folder: Path, content: str, model_digest: str) -> dict[str, str]:
        """The outputs of the image, and the digest of both: another image is another package."""
        from mlops.packaging.image import Content

        assert step.desired is not None
        told = Content(step.address.name, folder, content, model_digest, _NEEDS)
        made = self._images_of(step.address, step.desired.inputs["image"]).make(told, step.say)
        whole = f"{content} {made['image']} {made['image_digest']}"
        return {**made, "digest": hashlib.sha256(whole.encode()).hexdigest()}

    def status(self, record: Record) -> Status:
        return Status(str(record.outputs.get("tag", "")))

    def delete(self, step: Step) -> None:
        if step.recorded and (told := step.recorded.inputs.get("image")):
            self._images_of(step.address, told).remove(step.recorded.outputs)
        shutil.rmtree(self.context.paths.bentos / "bentos" / step.address.name, ignore_errors=True)


def stage(folder: Path, name: str, exported: Path, inputs: Mapping[str, Any]) -> str:
    """Lay out the bento's content in `folder`; gives the digest of it."""
    source = Path(mlops.__file__).parent
    for part in _SERVING:
        target = folder / "mlops" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (source / part).is_dir():
            shutil.copytree(source / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source / part, target)
    model = folder / "model"
    shutil.copytree(exported, model)
    api = {**_API, **inputs.get("api", {}), "threads": inputs.get("threads", 1)}
    golden = json.loads((model / "golden.json").read_text())
    count = api.pop("golden_rows")
    kept = {**golden, "rows": golden["rows"][:count], "predictions": golden["predictions"][:count]}
    for file, value in (("golden.json", kept), ("api.json", api), ("package.json", {"name": name})):
        (model / file).write_text(json.dumps(value, indent=2, sort_keys=True) + "\n")
    packages = [f"{need}=={importlib.metadata.version(need)}" for need in _NEEDS]
    bentofile = {
        "service": "mlops.workloads.serving.bento:Service", "name": name, "include": ["mlops/**/*.py", "model/*"],
        "python": {"packages": packages, "lock_packages": False},
    }  # fmt: skip
    (folder / "bentofile.yaml").write_text(json.dumps(bentofile, indent=2) + "\n")
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def serving_code() -> str:
    source = Path(mlops.__file__).parent
    digest = hashlib.sha256()
    for part in _SERVING:
        path = source / part
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(source).as_posix()}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()[:16]
