"""Write resources as commented YAML.

Lives here: the texts of a new project's files below conf/, and its README.
Not here: what they say (propose, defaults), putting them into a folder (project_files).
Law: pure; what is chosen stands in the file with its reason beside it.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import yaml

from mlops.contracts.survey import FirstLook
from mlops.scaffold.defaults import ARCHITECTURE, ARCHITECTURE_WHY, gates_of
from mlops.scaffold.propose import CATEGORICAL, CYCLIC, LEFT_OUT, NUMERIC, Choice, DatasetProposal

_WIDTH = 110
_COMMENT_AT = 46


class _Flow(yaml.SafeDumper):
    """Writes what belongs on one line."""


_Flow.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style='"' if text != text.strip() or not text or "$" in text else None
    ),
)


def flow(value: Any) -> str:
    """Return a value as YAML of one line."""
    text: str = yaml.dump(
        value, Dumper=_Flow, default_flow_style=True, width=float("inf"), sort_keys=False, allow_unicode=True
    )
    text = text.strip().removesuffix("...").strip()
    return f"{{ {text[1:-1]} }}" if text.startswith("{") and len(text) > 2 else text


def quoted_name(name: str) -> str:
    """Return a column as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def project_text(name: str) -> str:
    return f"# The project, and the environment that commands work in unless they say env=NAME.\nname: {name}\nenvironment: dev\n"


def environment_text(endpoint: str | None) -> str:
    """Return what differs on a developer's machine."""
    head = "# What differs on a developer's machine. Data sets and models are the same everywhere.\n"
    if endpoint is None:
        return head
    return (
        f"{head}endpoint:\n  {endpoint}:\n    rollout: {{ pause: 1s, drain: 1s }}{' ' * 9}# do not watch each step for long\n"
        f"monitor:\n  {endpoint}:\n    window: 1m{' ' * 32}# a finding after a minute of traffic, not an hour\n"
    )


def stack_text() -> str:
    return (
        f"{_schema_line('stack')}# This machine: a supervisor keeps the processes, Envoy is the gateway before them.\n"
        f"target: local\n{_with_comment('port: auto', 'the first free one from 8080, kept from then on')}\n"
    )


def dataset_text(name: str, proposal: DatasetProposal, where: str) -> str:
    """Return conf/dataset/NAME.yaml. `where`: a sentence on where the data are."""
    survey = proposal.survey
    source = {"uri": survey.source["uri"], **survey.source}
    lines = [
        f"{_schema_line('dataset')}# {survey.rows:,} rows and {len(survey.columns)} columns, as `mlops init` found them. {where}",
        *(f"# {note}" for note in survey.notes),
        "sources:",
        f"  {table_name(name)}: {flow(source)}",
        *_sql(name, proposal),
        *_label(proposal),
        "",
        "# Checks; one that fails stops an apply before anything is trained.",
        "expect:",
        _with_comment(f"  - {{ rows: {{ min: {max(1, survey.rows // 2)} }} }}", "half of what there is now"),
        "",
        "# Fitted on the train split alone; `mlops plan` shows what another list would make anew.",
        "features:",
        *_features(proposal, NUMERIC, "standardised"),
        *_features(proposal, CATEGORICAL, "a slot for each value; an unseen value has one of its own"),
        *_cyclic(proposal),
        *_left_out(proposal.choices),
        "",
        f"# {proposal.split_why}",
        f"split: {flow(proposal.split)}",
    ]
    return "\n".join(lines) + "\n"


def model_text(name: str, proposal: DatasetProposal, look: FirstLook) -> str:
    """Return conf/model/NAME.yaml."""
    assert proposal.task is not None
    lines = [
        f"{_schema_line('model')}dataset: {name}",
        _with_comment(f"task: {proposal.task}", proposal.task_why),
        f"# {ARCHITECTURE_WHY}",
        f"architecture: {flow({'name': ARCHITECTURE})}",
        "",
        "# What the model must reach before anything below it moves.",
    ]
    gates = gates_of(look)
    lines += ["gates:", *(_with_comment(f"  - {gate}", why) for gate, why in gates)] if gates else ["gates: []"]
    return "\n".join(lines) + "\n"


def endpoint_text(name: str, secret: str) -> str:
    return (
        f"{_schema_line('endpoint')}# endpoint.{name}: package.{name}, which needs no file, on the only stack.\n"
        f"replicas: 1\n"
        + _with_comment(
            f'auth: {{ api_key: "${{secret:{secret}}}" }}',
            f"clients send it as x-api-key; from .mlops/secrets/{secret}",
        )
        + "\nrollout: { steps: [10%, 50%, 100%], pause: 10s }\n"
    )


def monitor_text(name: str) -> str:
    return (
        f"{_schema_line('monitor')}# monitor.{name}: the requests of endpoint.{name} against the data that its model was trained on.\n"
        f"window: 1h\n"
        + _with_comment("on_finding: propose", "the next plan shows a finding, with an edit of the YAML")
        + "\n"
    )


def readme_text(name: str, secret: str | None) -> str:
    """Return the README of a new project."""
    return (
        f"# {name}\n\nA machine-learning project as code: `conf/` says what should exist, `mlops` makes it so.\n\n"
        "```\nmlops plan          # what would change, and why\nmlops apply         # make it so\nmlops status        # how it runs"
        + ("" if secret is None else f"; the key is in .mlops/secrets/{secret}")
        + "\n```\n\nCommit `conf/`, `params/`, `dvc.yaml` and `dvc.lock`; never `.mlops/`.\n"
    )


def table_name(name: str) -> str:
    """Return the name of the source in the SQL."""
    return name.replace("-", "_")


def _schema_line(kind: str) -> str:
    return f"# yaml-language-server: $schema=../schema/{kind}.json\n"


def _with_comment(text: str, comment: str) -> str:
    return f"{text + '  ':<{_COMMENT_AT}}# {comment}" if comment else text


def _sql(name: str, proposal: DatasetProposal) -> Iterator[str]:
    conditions, selected = "", "*"
    if proposal.unlabelled:
        yield f"# {proposal.unlabelled:,} rows have no `{proposal.survey.label}`: nothing can be learned from them."
        conditions = f" WHERE {quoted_name(str(proposal.survey.label))} IS NOT NULL"
    if proposal.unreadable:
        yield f"# {', '.join(proposal.unreadable)}: of types that no data set can hold; take parts of them here."
        selected = f"* EXCLUDE ({', '.join(map(quoted_name, proposal.unreadable))})"
    if conditions or proposal.unreadable:
        yield "sql: |"
        yield f"  SELECT {selected} FROM {quoted_name(table_name(name))}{conditions}"  # noqa: S608


def _label(proposal: DatasetProposal) -> Iterator[str]:
    if proposal.survey.label is not None:
        yield _with_comment(f"label: {flow(proposal.survey.label)}", proposal.task_why)
        return
    yield "# No column looks like one to be predicted. Name it here, and take it out of `features`:"
    yield "# label: COLUMN"


def _features(proposal: DatasetProposal, transform: str, meaning: str) -> Iterator[str]:
    chosen = [choice for choice in proposal.choices if choice.use == transform]
    if not chosen:
        return
    for choice in chosen:
        if choice.why:
            yield f"  # {choice.column}: {choice.why}"
    names = [flow([choice.column])[1:-1] for choice in chosen]
    line = f"  {transform}: [{', '.join(names)}]"
    if len(line) <= _WIDTH:
        yield f"{line}  # {meaning}" if len(line) + len(meaning) < _WIDTH + 30 else line
        return
    yield f"  {transform}: [  # {meaning}"
    yield from _wrapped(names)
    yield "  ]"


def _cyclic(proposal: DatasetProposal) -> Iterator[str]:
    periods = {choice.column: choice.period for choice in proposal.choices if choice.use == CYCLIC}
    if periods:
        yield f"  cyclic: {flow(periods)}  # the last is next to the first"


def _wrapped(names: Sequence[str]) -> Iterator[str]:
    line = "   "
    for name in names:
        if len(line) + len(name) + 2 > _WIDTH:
            yield line
            line = "   "
        line += f" {name},"
    yield line.removesuffix(",")


def _left_out(choices: Sequence[Choice]) -> Iterator[str]:
    left = [choice for choice in choices if choice.use == LEFT_OUT]
    if left:
        yield "  # Left out:"
    by_reason: dict[str, list[str]] = {}
    for choice in left:
        by_reason.setdefault(choice.why, []).append(choice.column)
    for reason, columns in by_reason.items():
        text = f"{', '.join(columns)}: {reason}"
        yield from textwrap.wrap(text, _WIDTH, initial_indent="  #   ", subsequent_indent="  #     ")
