"""Open what a notebook asks for.

Lives here: NotebookViews, the methods of a project that give frames, models, endpoints and tables.
Not here: what they give (the other files of this room), planning and applying (project).
Law: reads; an endpoint and a model are asked, and nothing is changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlops.address import Address
from mlops.api.configuration import parse_address
from mlops.api.inspect import Inspection
from mlops.api.notebook.data import SplitView
from mlops.api.notebook.model_process import ModelProcess
from mlops.api.notebook.predicting import EndpointView, ModelView
from mlops.api.notebook.table import TableView
from mlops.config.schema.model_reference import split_reference
from mlops.context.metrics_file import read_metrics
from mlops.engine.state import Operation, Version
from mlops.errors import MlopsError
from mlops.packaging.bento import api_of


class NotebookViews(Inspection):
    """The methods of a project that give what a notebook works with."""

    def data(self, name: str, *, split: str = "train") -> SplitView:
        """Return the rows of a data set. `split`: train, val or test. Raises MlopsError where they are not here.

        >>> project.data("churn", split="val")  # doctest: +ELLIPSIS
        <SplitView of dataset.churn, split val: ... rows, 3 columns>
        """
        at = self._declared("dataset", name)
        return SplitView(at.name, split, self.root / "data" / at.name)

    def model(self, name: str) -> ModelView:
        """Return a model, to predict frames with as it was trained last. It answers as the package that serves it would.

        >>> project.model("churn").predict([{"months": 60, "plan": "plus"}])[0]["churned"]
        False
        """
        at = self._declared("model", name)
        api = api_of(self._package_of(at.name))
        process = ModelProcess(str(at), self.root / "models" / at.name / "export", api, self.root)
        return ModelView(str(at), process, api["max_rows"], lambda: (self.metrics(at.name), self.runs(at.name)))

    def endpoint(self, name: str) -> EndpointView:
        """Return an endpoint, to ask with frames over HTTP. Its key is read from the secrets. Raises MlopsError where it was
        not applied.

        >>> project.endpoint("chrun")
        Traceback (most recent call last):
            ...
        mlops.errors.MlopsError: no such resource: `endpoint.chrun` is not the address of a resource.
        """
        from mlops.config.schema.kinds import effective_of

        records = self.store.records()
        at = Address("endpoint", name)
        if at not in records and at in self.spec.resources:
            raise MlopsError.of(
                "endpoint does not run", f"{at} is declared, and nothing was applied yet. Start it: mlops apply", address=str(at)
            )  # fmt: skip
        record = records[parse_address(str(at), [one for one in records if one.kind == "endpoint"])]
        package = records.get(Address("package", str(record.inputs.get("package", name))))
        most = effective_of("package", package.inputs).api.max_rows if package else 1

        def ask(rows: Sequence[Mapping[str, Any]], first: int) -> Sequence[Mapping[str, Any]]:
            answers: Sequence[Mapping[str, Any]] = self.ask(str(at), rows, first=first)[1]["predictions"]
            return answers

        return EndpointView(str(at), most, str(record.outputs["url"]), ask)

    def metrics(self, model: str | None = None) -> TableView:
        """Return what evaluations measured of whole splits, a row for each model, or for the one that is named.

        >>> sorted(project.metrics()[0])[:3]
        ['model', 'test_accuracy', 'test_auc']
        >>> project.metrics("churn")[0]["test_auc"] > 0.8
        True
        """
        names = [self._declared("model", model).name] if model else [at.name for at in self._models()]
        found = ((name, read_metrics(self.root, name)) for name in names)
        return TableView(
            {"model": name, **{key: value for key, value in metrics.items() if not isinstance(value, Mapping)}}
            for name, metrics in found
            if metrics
        )

    def runs(self, model: str | None = None) -> TableView:
        """Return the versions of models that this environment recorded, the newest first: when, by whom, of which commit, with
        which metrics, and whether all gates held.

        >>> run = project.runs("churn")[0]
        >>> run["model"], run["gates"]
        ('churn', 'held')
        """
        operations = {operation.id: operation for operation in self.store.operations(10_000)}
        known = {*self._models(), *(at for at in self.store.records() if at.kind == "model")}
        models = [self._declared("model", model)] if model else sorted(known)
        found = [row for at in models for row in _runs(at, self.store.versions(at), operations)]
        return TableView(sorted(found, key=lambda row: str(row["at"]), reverse=True))

    def _models(self) -> list[Address]:
        return sorted(at for at in self.spec.resources if at.kind == "model")

    def _declared(self, kind: str, name: str) -> Address:
        return parse_address(f"{kind}.{name}", [at for at in self.spec.resources if at.kind == kind])

    def _package_of(self, model: str) -> Any:
        """Return the effective inputs of the package that serves the model; where none does, or several, those of one that says
        nothing else."""
        from mlops.config.schema.kinds import effective_of

        found = [
            resource.effective for at, resource in self.spec.resources.items()
            if at.kind == "package" and split_reference(str(resource.inputs.get("model")))[0] == model
        ]  # fmt: skip
        return found[0] if len(found) == 1 else effective_of("package", {"model": model})


def _runs(at: Address, versions: Sequence[Version], operations: Mapping[str, Operation]) -> Iterator[dict[str, Any]]:
    """Yield a row for each version of a model whose digest is another than the one before."""
    before = None
    for version in versions:
        outputs = version.record.outputs if version.record else {}
        digest = outputs.get("digest")
        if digest and digest != before:
            operation = operations.get(version.operation)
            missed = [gate["words"] for gate in outputs.get("gates", ()) if not gate["holds"]]
            yield {
                "model": at.name, "at": version.at, "who": operation.who if operation else None,
                "commit": (operation.commit or "")[:12] or None if operation else None, "digest": str(digest)[:12],
                "gates": f"missed: {'; '.join(missed)}" if missed else "held", "seconds": outputs.get("seconds"),
                **outputs.get("metrics", {}),
            }  # fmt: skip
        before = digest
