"""Make a project.

Lives here: init_project, NewProject, what was made, describe_files, which says it in lines, and upgrade_project.
Not here: what is proposed and written (scaffold), looking at data (workloads, in processes of their own).
Law: nothing that exists is overwritten; what is written is valid, and can be applied at once.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml

from mlops.config.load import load
from mlops.config.schema.json_schema import write_schema_files
from mlops.contracts.codec import Document, decode, encode
from mlops.contracts.survey import FirstLook, FirstLookRequest, Survey, SurveyProblem, SurveyRequest
from mlops.errors import InvalidConfig, MlopsError, Problem, near
from mlops.scaffold import resource_files as texts
from mlops.scaffold.data_files import RAW, PlacedData, place_data
from mlops.scaffold.examples import EXAMPLES, SURVEYED, WRITTEN, example_files
from mlops.scaffold.project_files import key_name, project_name, write_new_files, write_secret
from mlops.scaffold.propose import FEATURES, DatasetProposal, propose
from mlops.scaffold.stage_files import Upgrade, upgrade_stage_files, write_stage_files
from mlops.tools.process import run

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class NewProject:
    """What `init_project` did. `written` and `kept`: paths from `root`. `proposal` and `look`: of data that were looked at.
    `notes`: what the user should know."""

    root: Path
    name: str
    written: tuple[str, ...]
    kept: tuple[str, ...]
    proposal: DatasetProposal | None = None
    look: FirstLook | None = None
    data: str | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _Draft:
    """What is about to be written. `files`: path -> text. `secrets`: names of the keys that are needed."""

    files: dict[str, str] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)
    proposal: DatasetProposal | None = None
    look: FirstLook | None = None
    placed: PlacedData | None = None
    notes: list[str] = field(default_factory=list)


def init_project(
    root: Path, *, data: str | None = None, options: Mapping[str, Any] | None = None, label: str | None = None,
    example: str | None = None, name: str | None = None,
) -> NewProject:  # fmt: skip
    """Write a project into the folder `root`, which need not exist. `options`: fields of the source beside its uri, such as
    `table`. Raises MlopsError where the data cannot be read, and
    InvalidConfig where nothing can be learned from them."""
    root = root.absolute()
    named = project_name(name or (example if example and root.name in ("", ".") else root.name))
    _check_arguments(root, data, label, example)
    with tempfile.TemporaryDirectory() as scratch:
        draft = _Draft()
        if example and example in WRITTEN:
            draft.files = example_files(example)
            draft.secrets = [WRITTEN[example]]
        elif (root / f"conf/dataset/{named}.yaml").exists() and (data or example):
            draft.notes.append(
                f"conf/dataset/{named}.yaml is there already, so the data were not looked at. For another data set in this "
                "project, say --name NAME; to begin anew, take that file away."
            )
        elif data or example:
            uri, label = (data, label) if data else (_example_data(str(example), Path(scratch)), SURVEYED[str(example)])
            _draft_from_data(draft, place_data(str(uri), root, Path.cwd()), dict(options or {}), label, named)
        draft.files = {**_frame(root, named, draft), **draft.files}
        return _write(root, named, draft)


def _check_arguments(root: Path, data: str | None, label: str | None, example: str | None) -> None:
    if data and example:
        raise MlopsError.of(
            "two kinds of data", "--data names data of your own, and --example brings its own. Give one."
        )
    if label and not data:
        raise MlopsError.of("label of no data", f"--label {label} names a column, and --data says of what. Give both.")
    if example is not None and example not in EXAMPLES:
        raise MlopsError.of(
            "no such example",
            f"`{example}` is no example; there are: {', '.join(EXAMPLES)}.",
            hint=near(example, EXAMPLES),
        )
    if root.exists() and not root.is_dir():
        raise MlopsError.of("not a folder", f"{root} is a file. Name a folder, which may be a new one.")


def _draft_from_data(
    draft: _Draft, placed: PlacedData, options: Mapping[str, Any], label: str | None, name: str
) -> None:  # fmt: skip
    source = {"uri": placed.here, **options}
    survey = _ask("survey", SurveyRequest(source=source, label=label), Survey)
    proposal = propose(survey)
    look = FirstLook()
    if proposal.task is not None:
        look = _look(name, proposal)
        if look.problems and proposal.split["by"] == "time":
            draft.notes.append(f"Not split by time: {look.problems[0].detail}")
            proposal = proposal.without_time()
            look = _look(name, proposal)
        draft.notes += [f"{problem.summary}: {problem.detail}" for problem in look.problems]
    draft.proposal, draft.look, draft.placed = proposal, look, placed
    shown = _with_uri(proposal, placed.uri)
    draft.files[f"conf/dataset/{name}.yaml"] = texts.dataset_text(name, shown, placed.where)
    if proposal.task is not None:
        secret = key_name(name)
        draft.secrets.append(secret)
        draft.files |= {
            f"conf/model/{name}.yaml": texts.model_text(name, shown, look),
            f"conf/endpoint/{name}.yaml": texts.endpoint_text(name, secret),
            f"conf/monitor/{name}.yaml": texts.monitor_text(name),
        }


def _look(name: str, proposal: DatasetProposal) -> FirstLook:
    dataset = yaml.safe_load(texts.dataset_text(name, proposal, ""))
    request = FirstLookRequest(dataset=dataset, task=str(proposal.task))
    return _ask("first_look", request, FirstLook, fails=False)


def _with_uri(proposal: DatasetProposal, uri: str) -> DatasetProposal:
    from dataclasses import replace as replace_field

    from msgspec.structs import replace

    survey = replace(proposal.survey, source={**proposal.survey.source, "uri": uri})
    return replace_field(proposal, survey=survey)


def _ask(module: str, request: Document, kind: type[D], *, fails: bool = True) -> D:
    """Ask a process of the workloads, which may read data. Raises MlopsError for what it refuses."""
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "request.json", Path(folder) / "answer.json"
        question.write_text(encode(request), encoding="utf-8")
        run([sys.executable, "-m", f"mlops.workloads.data.{module}", str(question), str(answer)], cwd=Path(folder))
        found = decode(kind, answer.read_bytes())
    problems: tuple[SurveyProblem, ...] = getattr(found, "problems", ())
    if problems and fails:
        raise InvalidConfig(*(Problem(one.summary, one.detail) for one in problems))
    return found


def _example_data(example: str, scratch: Path) -> str:
    out = scratch / f"{example}.csv"
    run([sys.executable, "-m", "mlops.workloads.data.example", example, SURVEYED[example], str(out)], cwd=scratch)
    return str(out)


def _frame(root: Path, name: str, draft: _Draft) -> Mapping[str, str]:
    """Return the files of every project; a stack only where there is none."""
    model = f"conf/model/{name}.yaml" in draft.files
    files = {"conf/project.yaml": texts.project_text(name)}
    files["conf/env/dev.yaml"] = texts.environment_text(name if model else None)
    if not any((root / "conf/stack").glob("*.yaml")):
        files["conf/stack/local.yaml"] = texts.stack_text()
    files["README.md"] = texts.readme_text(name, draft.secrets[0] if draft.secrets else None)
    return files


def _write(root: Path, name: str, draft: _Draft) -> NewProject:
    root.mkdir(parents=True, exist_ok=True)
    copied = [path.relative_to(root).as_posix() for path in (draft.placed.copy() if draft.placed else ())]
    written, kept = write_new_files(root, draft.files)
    stage_files = [path.relative_to(root).as_posix() for path in write_stage_files(root)]
    keys = [path for secret in draft.secrets if (path := write_secret(root, secret))]
    write_schema_files(root)
    load(root)
    data = f"{RAW}/" if copied else None
    return NewProject(
        root, name, (*written, *copied, *stage_files, *keys), tuple(kept), draft.proposal, draft.look, data,
        tuple(draft.notes),
    )  # fmt: skip


def upgrade_project(root: Path) -> Upgrade:
    """Bring the stage files of a project up to date. Raises MlopsError where there is no project."""
    root = root.absolute()
    if not (root / "conf/project.yaml").is_file():
        raise InvalidConfig.of(
            "no project here",
            f"{root} has no conf/project.yaml. Go to the folder of a project, or make one: mlops init {root}",
        )
    return upgrade_stage_files(root)


def describe_files(project: NewProject) -> list[str]:
    """Return what was made, for people: a line for what was read, and one for each resource."""
    lines = []
    if project.proposal:
        lines += [_read_line(project), ""]
    written = set(project.written)
    shown = {path for path in written if path.startswith("conf/")}
    for path in sorted(shown, key=_order):
        about = _about(path, project)
        if about:
            lines.append(f"  {path:<32} {about}")
            shown = shown - {path}
    rest = sorted(
        {path.split("/")[0] + ("/" if "/" in path else "") for path in written if path not in shown | {"conf"}}
    )
    others = [*(path for path in sorted(shown)), *(path for path in rest if path != "conf/")]
    if others:
        lines.append(f"  {'  '.join(others)}")
    return lines


def _read_line(project: NewProject) -> str:
    assert project.proposal is not None
    survey, proposal = project.proposal.survey, project.proposal
    label = f", label {survey.label} ({proposal.task_why})" if survey.label else ""
    return f"Read {survey.source['uri'].rpartition('/')[2] or survey.source['uri']}: {survey.rows:,} rows, {len(survey.columns)} columns{label}."


def _order(path: str) -> tuple[int, str]:
    kinds = ("dataset", "model", "endpoint", "monitor", "stack")
    kind = path.split("/")[1]
    return (kinds.index(kind) if kind in kinds else len(kinds), path)


def _about(path: str, project: NewProject) -> str:
    kind = path.split("/")[1]
    proposal, look = project.proposal, project.look
    if proposal is None:
        return ""
    if kind == "dataset":
        count = sum(len(proposal.columns(use)) for use in FEATURES)
        left = [f"{one.column} left out ({one.why})" for one in proposal.choices if one.use == "left out"]
        more = [f"and {len(left) - 3} more"] if len(left) > 3 else []
        return "; ".join([f"{count} features", *left[:3], *more, *proposal.survey.notes])
    if kind == "model" and look is not None and proposal.task:
        first = f"{look.metric} {look.value:.3f} at a first look" if look.metric else "no first look"
        return f"{proposal.task}; {first}"
    if kind == "endpoint":
        return f"on the only stack; key in .mlops/secrets/{key_name(project.name)}"
    return ""
