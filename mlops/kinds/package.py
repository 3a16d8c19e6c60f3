"""What a package means.

Lives here: PackageKind.
Not here: the bento and the image (packaging), the application inside (workloads.serving).
Law: a bento is named by its content without times; equal content is built once.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.config.effective import typed
from mlops.config.project import LoadedResource, ProjectSpec
from mlops.config.schema.category import Category
from mlops.config.schema.model_reference import split_reference
from mlops.context.effects import KEEPS_OUTPUTS, effect_of
from mlops.context.inputs import without_fields
from mlops.context.status import Status
from mlops.engine.plan import Change
from mlops.engine.resource import Dependency, Desired, Observed, Outcome, Reason, Record, Stale, Step
from mlops.errors import MlopsError, Problem
from mlops.kinds.base import BaseKind
from mlops.kinds.named_version import NamedVersions
from mlops.packaging.bento import is_sealed, is_whole, needs_of, seal_bento, serving_code, stage_bento
from mlops.tools.dvc.run import bring_object, checkout
from mlops.tools.process import beside_python, run
from mlops.tools.progress import ReportProgress
from mlops.tools.scratch import scratch

if TYPE_CHECKING:
    from mlops.config.schema.package import Package
    from mlops.packaging.image import Images


class PackageKind(BaseKind):
    name = "package"
    keeping = KEEPS_OUTPUTS
    created = effect_of(Category.REPACKAGE)

    def desire(self, resource: LoadedResource, project: ProjectSpec) -> Desired:
        model, name = split_reference(resource.inputs["model"])
        needs = () if name else (Dependency(Address("model", model), self.created, "digest"),)
        inputs, origins = dict(resource.inputs), dict(resource.origins)
        if inputs.get("image"):
            inputs["image"] = without_fields(inputs["image"], "registry")
            if registry := project.settings.registry:
                inputs["image"]["registry"] = registry.url
                origins["image.registry"] = project.settings.origins.get("registry.url", "")
        return Desired(resource.address, inputs, needs, resource.protect, origins, resource.effective)

    @classmethod
    def as_declared(cls, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The registry of an image is the environment's."""
        return {**inputs, "image": without_fields(inputs["image"], "registry")} if inputs.get("image") else inputs

    def observe(self, address: Address, desired: Desired | None, record: Record | None) -> Observed:
        obstacles, lost = self._look_at_image(address, desired, record)
        if record is None or desired is None:
            return Observed(record, exists=record is not None, obstacles=obstacles)
        stale: tuple[Stale, ...] = ()
        if lost:
            stale += (Stale(Reason(f"its image is no longer in {lost}"), self.created),)
        if record.outputs.get("code") not in (None, serving_code()):
            stale += (Stale(Reason("the code that serves changed (mlops.workloads.serving)"), self.created),)
        stale += self._named.stale(desired.inputs, record, desired.origins.get("model"), self.created)
        bento = record.outputs.get("bento")
        there = bento is None or (Path(bento) / "model.onnx").exists()
        return Observed(record, exists=there, stale=stale, obstacles=obstacles)

    def _look_at_image(
        self, address: Address, desired: Desired | None, record: Record | None
    ) -> tuple[tuple[str, ...], str]:
        """Say why no image can be built, and where the recorded one is gone from; a registry may hold what nobody here builds."""
        images = self._images(address, desired)
        if images is None:
            return (), ""
        if record is not None and "image" in record.outputs:
            return (), images.lost(record.outputs)
        obstacle = "" if self.context.settings.registry else images.obstacle()
        return ((obstacle,) if obstacle else ()), ""

    def _images(self, address: Address, desired: Desired | None) -> Images | None:
        image = desired.inputs.get("image") if desired else None
        return self._images_of(address, image) if image else None

    def _images_of(self, address: Address, image: Mapping[str, Any]) -> Images:
        from mlops.packaging.image import Images  # builders and registries: most plans touch none

        return Images(self.context, address.name, image)

    def notes(self, desired: Desired, record: Record | None, category: str) -> tuple[str, ...]:
        return self._named.notes(desired.inputs) if category == Category.REPACKAGE else ()

    def pins(self, desired: Desired) -> Mapping[str, str]:
        return self._named.pins(desired.inputs)

    def problems(self, changes: Sequence[Change]) -> Iterator[Problem]:
        yield from super().problems(changes)
        for change in changes:
            resource = self.context.resources.get(change.address)
            if resource is not None and change.restores is None:
                yield from self._named.problems(change.address, resource.inputs)

    @cached_property
    def _named(self) -> NamedVersions:
        return NamedVersions(self.context)

    def create(self, step: Step) -> Outcome:
        assert step.desired is not None
        named = self._named.find(step.desired.inputs)
        if named is not None:
            with self._named.brought(named) as exported:
                outcome = self._pack(step, exported, named.version.model, named.version.digest)
            return replace(outcome, outputs={**outcome.outputs, **self._named.outputs(named)})
        model = step.desired.inputs["model"]
        exported = self.context.root / "models" / model / "export"
        digest = str(step.upstream[Address("model", model)].get("digest"))
        if not exported.exists() or self.context.hashes.tree(exported) != digest:
            checkout(self.context.root, [f"export@{model}"], self.context.remote)
        if self.context.hashes.tree(exported) != digest:
            raise MlopsError.of(
                "model is not the one that was judged",
                f"{exported} is not what dvc.lock pins ({digest}). Bring it back: dvc checkout export@{model}",
            )
        return self._pack(step, exported, model, digest)

    def _pack(self, step: Step, exported: Path, model: str, digest: str) -> Outcome:
        """Pack what a model exported. `digest`: of the export."""
        assert step.desired is not None
        package: Package = typed(step.desired.effective)
        name = step.address.name
        content = self._build(name, exported, package, step.say)
        version = content[:12]
        folder = self._folder(name, version)
        outputs = {
            "digest": content, "tag": f"{name}:{version}", "bento": str(folder / "src" / "model"), "model": model,
            "model_digest": digest, "code": serving_code(),
        }  # fmt: skip
        if package.image:
            outputs |= self._image(step, folder / "src", content, digest)
        return Outcome(outputs, f"{name}:{version}" + (", with its image" if package.image else ""))

    def _build(
        self, name: str, exported: Path, package: Package, say: ReportProgress, *, expected: str | None = None
    ) -> str:  # fmt: skip
        """Build the bento, unless equal content was built before, and return the digest of its content. `expected`: the tag that
        it must get; raises MlopsError for another."""
        self.context.paths.bentos.mkdir(parents=True, exist_ok=True)
        with scratch(self.context.paths.building) as staged:
            content = stage_bento(staged, name, exported, package)
            version = content[:12]
            if expected not in (None, f"{name}:{version}"):
                raise MlopsError.of(
                    "bento cannot be built again",
                    f"{expected} is no longer kept in {self.context.paths.bentos}, and built again it would be another: the "
                    "code that serves, or a package that it pins, is of another version now. Install the mlops that built it, "
                    f"or go back to a version that is kept: mlops history package.{name}",
                )
            folder = self._folder(name, version)
            if not is_sealed(folder, staged):
                say("building the bento", 0.3)
                shutil.rmtree(folder, ignore_errors=True)
                run(
                    [beside_python("bentoml"), "build", "--version", version, "-o", "tag", str(staged)], cwd=staged,
                    env={"BENTOML_HOME": str(self.context.paths.bentos), "PYTHONPATH": str(staged)},
                )  # fmt: skip
                seal_bento(folder)
        return content

    def _folder(self, name: str, version: str) -> Path:
        return self.context.paths.bentos / "bentos" / name / version

    def restore(self, step: Step) -> Outcome:
        """Return to a bento that is kept, or build it again from the model that it held; the working tree has no part in it."""
        assert step.restore is not None
        assert step.desired is not None
        outputs = self.with_bento(step.restore.record, step.say)
        image = self._images(step.address, step.desired)
        if image is not None and "image" in outputs and image.lost(outputs):
            content = self.content_of(outputs)
            outputs |= self._image(step, Path(outputs["bento"]).parent, content, str(outputs["model_digest"]))
        return Outcome(outputs, f"{outputs['tag']}, as serial {step.restore.record.serial} recorded it")

    @staticmethod
    def content_of(outputs: Mapping[str, Any]) -> str:
        """Return what names the content of a recorded bento."""
        return str(outputs["tag"]).rpartition(":")[2]

    def with_bento(self, record: Record, say: ReportProgress) -> dict[str, Any]:
        """Return the outputs of a version, after its bento was built again where it is not kept here as it was built. Raises
        MlopsError."""
        outputs = dict(record.outputs)
        if is_whole(Path(outputs["bento"]).parents[1]):
            return outputs
        from mlops.config.schema.kinds import effective_of  # pydantic, which most commands need not

        name = record.address.name
        folder = self._folder(name, self.content_of(outputs))
        if not is_whole(folder):
            package: Package = typed(effective_of("package", self.as_declared(record.inputs)))
            say("bringing the model of then back", 0.1)
            with scratch(self.context.paths.home / "tmp") as place:
                exported = place / "export"
                bring_object(self.context.root, str(outputs["model_digest"]), exported, self.context.remote)
                self._build(name, exported, package, say, expected=str(outputs["tag"]))
        return {**outputs, "bento": str(folder / "src" / "model")}

    def _image(self, step: Step, folder: Path, content: str, model_digest: str) -> dict[str, str]:
        """Return the outputs of the image, with a digest of both: another image is another package."""
        from mlops.packaging.image import Content

        assert step.desired is not None
        image = Content(step.address.name, folder, content, model_digest, needs_of(folder / "model"))
        outputs = self._images_of(step.address, step.desired.inputs["image"]).make(image, step.say)
        whole = f"{content} {outputs['image']} {outputs['image_digest']}"
        return {**outputs, "digest": hashlib.sha256(whole.encode()).hexdigest()}

    def status(self, record: Record) -> Status:
        return Status(str(record.outputs.get("tag", "")))

    def extras(self, inputs: Mapping[str, Any]) -> tuple[str, ...]:
        return ("package", "grpc") if (inputs.get("api") or {}).get("grpc") else ("package",)

    def delete(self, step: Step) -> None:
        if step.recorded and (image := step.recorded.inputs.get("image")):
            self._images_of(step.address, image).remove(step.recorded.outputs)
        shutil.rmtree(self.context.paths.bentos / "bentos" / step.address.name, ignore_errors=True)
