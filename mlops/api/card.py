"""Tell people what a model or a data set is.

Lives here: card_of: the sections of a card, of what is declared, measured and recorded.
Not here: drawing (render.sections), Croissant (croissant), what a card may say (config.schema.card).
Law: what nobody said or measured is left out, or said to be unknown; nothing is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlops.address import Address
from mlops.api.prepared import PreparedFacts, prepared_facts
from mlops.api.versions import serving_places, versions_of
from mlops.config.project import LoadedResource
from mlops.errors import MlopsError
from mlops.kinds.staged.gates import judge_gates, judged_gates, needs_live
from mlops.kinds.staged.measured import measured_rows
from mlops.metrics.baseline import comparison
from mlops.metrics.table import headline_of
from mlops.metrics.task import Task
from mlops.registry.committed import LOCK, json_object, short_digest
from mlops.registry.versions import ModelVersion, chosen_version
from mlops.render.document import value_text
from mlops.render.sections import PageSection

if TYPE_CHECKING:
    from mlops.api.project import Project

_NOT_VALUES = ("dataset", "task", "code", "fingerprint")
_MOST_SLICES = 40


def card_of(project: Project, text: str) -> tuple[str, list[PageSection]]:
    """Return the title and the sections of the card of a data set, or of a model, `model.NAME` or `model.NAME@VERSION`. Raises
    MlopsError for what has no card."""
    name, _, wanted = text.partition("@")
    at = project.address_of(name)
    resource = project.spec.resources.get(at)
    if resource is None or at.kind not in ("model", "dataset"):
        raise MlopsError.of(
            "no card", f"{at} has no card; a model and a data set that conf/ declares have.", address=str(at)
        )
    if at.kind == "dataset":
        sections = [*_declared(resource), *_dataset(resource, prepared_facts(project, at))]
        return f"Data set {at.name}", [section for section in sections if not section.is_empty]
    _, versions = versions_of(project, name)
    if not versions:
        raise MlopsError.of("no version", f"{at} was never trained. Train it: mlops apply", address=str(at))
    one = chosen_version(project.root, versions, wanted or LOCK)
    sections = [*_declared(resource), *_model(project, at, resource, one)]
    title = f"Model {at.name}, version {short_digest(one.digest)}"
    return title, [section for section in sections if not section.is_empty]


def _declared(resource: LoadedResource) -> Iterator[PageSection]:
    """Yield what the YAML says to people."""
    said, inputs = resource.inputs.get("card", {}), resource.inputs
    about = [inputs.get("description", ""), f"Ask {inputs['owner']}." if inputs.get("owner") else ""]
    yield PageSection("About", tuple(filter(None, about)))
    yield PageSection("Intended use", tuple(filter(None, [said.get("intended_use", "")])))
    yield PageSection("Not for", tuple(said.get("not_for", ())))
    yield PageSection("Limits", tuple(said.get("limits", ())))
    named = [(field, said.get(field)) for field in ("license", "citation", "url", "published")]
    lines = [f"{field.capitalize()}: {value}" for field, value in named if value]
    lines += [f"Made by {', '.join(said['creators'])}."] if said.get("creators") else []
    yield PageSection("Terms", tuple(lines))


def _model(project: Project, at: Address, resource: LoadedResource, one: ModelVersion) -> Iterator[PageSection]:
    places, _ = serving_places(project, at)
    version, where = one.version, places.get(one.digest, ())
    identity = [f"Digest {one.digest}" + (f", named {', '.join(one.names)}" if one.names else "")]
    identity += (
        [f"Commit {one.commit[:12]} by {one.who}, {one.at[:10]}: {one.summary}"] if one.commit else ["Not committed."]
    )
    identity += [f"Runs in {', '.join(where)}."] if where else []
    yield PageSection("Version", tuple(identity))
    data = f"dataset.{version.dataset} {short_digest(version.data)}"
    facts = prepared_facts(project, Address("dataset", version.dataset), digest=version.data)
    rows = [f"Rows: {', '.join(f'{split} {count:,}' for split, count in facts.rows.items())}."] if facts.rows else []
    yield PageSection("Data", (f"Learned from {data}; its card: mlops card dataset.{version.dataset}", *rows))
    values = {key: value for key, value in version.trained.items() if key not in _NOT_VALUES}
    yield PageSection("Training", (f"Task: {version.task}.",), tuple(_flat(values)))
    yield from _tuning(project, at.name, one)
    yield from _measured(resource, one)
    yield PageSection("Energy and time", tuple(_cost(project, at, resource, one)))


def _measured(resource: LoadedResource, one: ModelVersion) -> Iterator[PageSection]:
    metrics, version = one.version.metrics, one.version
    if not metrics or not version.task:
        yield PageSection("Metrics", ("Nothing is known of what was measured of this version.",))
        return
    task = Task(version.task)
    stands = tuple(words for words, _ in comparison(task, metrics))
    yield PageSection("Metrics", stands, tuple(measured_rows(task, metrics)))
    headline = headline_of(task)
    found = [
        {"slice": f"{column}={value}", "rows": measured.get("rows", ""), headline.name: headline.shown(measured[headline.name])}
        for column, values in metrics.get("slices", {}).items()
        for value, measured in values.items()
        if headline is not None and isinstance(measured.get(headline.name), int | float)
    ]  # fmt: skip
    yield PageSection("Slices", rows=tuple(found[:_MOST_SLICES]))
    gates = [gate for gate in judged_gates(resource.inputs) if not needs_live([gate])]
    verdicts = judge_gates(gates, metrics, None)
    yield PageSection("Gates", tuple(f"{'holds' if one.holds else 'missed'}: {one.words}" for one in verdicts))


def _tuning(project: Project, model: str, one: ModelVersion) -> Iterator[PageSection]:
    """Yield how its values were searched for, of the version whose ledger is here."""
    path = project.root / "tuning" / "model" / f"{model}.json"
    if not one.is_present or not path.is_file():
        return
    ledger = json_object(path.read_text(encoding="utf-8"))
    trials = ledger.get("trials", [])
    seconds = sum(trial.get("seconds", 0) for trial in trials)
    objectives = ", ".join(f"{name} ({direction})" for name, direction in ledger.get("objectives", {}).items())
    lines = (f"{len(trials)} trials in {seconds:,.0f} s, for {objectives or 'its headline'}.",)
    yield PageSection("Tuning", lines, tuple(_flat(ledger.get("chosen") or {}, ("chosen", "value"))))


def _cost(project: Project, at: Address, resource: LoadedResource, one: ModelVersion) -> Iterator[str]:
    record = next(
        (
            v.record
            for v in reversed(project.store.versions(at))
            if v.record and v.record.outputs.get("digest") == one.digest
        ),
        None,
    )
    seconds = record.outputs.get("training_seconds") or record.outputs.get("seconds") if record else None
    if not seconds:
        yield "How long its training took is not recorded in this environment."
        return
    yield f"Trained in {seconds:,.1f} s."
    watts = resource.inputs.get("card", {}).get("watts")
    if watts:
        yield f"About {seconds * watts / 3600:,.2f} Wh, at the {watts:g} W that the YAML says; not metered."
    else:
        yield "Its energy was not metered; say `card: {watts: …}` to have it estimated."


def _dataset(resource: LoadedResource, facts: PreparedFacts) -> Iterator[PageSection]:
    version = (f"Digest {facts.digest}",) if facts.digest else ("It was not prepared yet: mlops apply",)
    span = (f"From {facts.oldest} to {facts.newest}.",) if facts.oldest and facts.newest else ()
    rows = (f"Rows: {', '.join(f'{split} {count:,}' for split, count in facts.rows.items())}.",) if facts.rows else ()
    yield PageSection("Version", (*version, *rows, *span))
    sources = [
        {"source": name, "from": source.get("uri", ""), "pinned by": facts.fingerprints.get(name, "")[:16]}
        for name, source in resource.inputs["sources"].items()
    ]
    yield PageSection("Sources", rows=tuple(sources))
    yield PageSection("Columns", rows=tuple(facts.column_rows()))
    checks = tuple(value_text(check) for check in resource.inputs.get("expect", ()))
    yield PageSection("Checks", checks)
    kept = {name: resource.inputs[name] for name in ("label", "split", "clean", "features") if name in resource.inputs}
    yield PageSection("Preparation", rows=tuple(_flat(kept)))


def _flat(
    value: Mapping[str, Any], heads: Sequence[str] = ("field", "value"), prefix: str = ""
) -> Iterator[dict[str, str]]:
    for key, inner in value.items():
        path = f"{prefix}{key}"
        if isinstance(inner, Mapping) and inner:
            yield from _flat(inner, heads, f"{path}.")
        else:
            yield {heads[0]: path, heads[1]: value_text(inner)}
