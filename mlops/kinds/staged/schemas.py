"""Know the columns of data sets while planning.

Lives here: DataSchemas, which asks a process for the columns of data sets and remembers its answers; column_types and
last_types, those that are known without asking.
Not here: reading data (workloads.data.describe), judging columns (config.validate.columns).
Law: nothing is started where the answer is known by the content of the sources, their options, the SQL and the code.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from mlops.address import Address
from mlops.config.project import LoadedResource
from mlops.context.context import Context
from mlops.contracts.codec import ContractError, decode, encode
from mlops.contracts.data_schema import DataSchema, DescribeAnswer, DescribeProblem, DescribeRequest
from mlops.contracts.home import make_home
from mlops.engine.resource import Json
from mlops.errors import FileLocation, MlopsError, Problem
from mlops.extensions import SOURCES
from mlops.kinds.staged.code import work_code
from mlops.sources.source import scheme_of
from mlops.tools.process import run
from mlops.tools.scratch import scratch

_DESCRIBE = "mlops.workloads.data.describe"
_NEEDED = ("duckdb", "pyarrow", "numpy")
_KEPT = 128


def column_types(resource: LoadedResource, context: Context) -> Mapping[str, str] | None:
    """Return the columns of a data set's result, name -> type of the contract, as far as this machine has seen them since its
    sources, SQL or code changed; None where it has not. Starts no process. Raises MlopsError for a source that is not there."""
    schema = _read(_file(resource, context))
    return schema.types if schema is not None else None


class DataSchemas:
    """The columns of the data sets of one command."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._known: dict[Address, DataSchema] = {}

    def of(self, address: Address, others: Sequence[Address] = ()) -> DataSchema | None:
        """Return the columns of a data set, or its problems; None where this machine `lacks` what reads data, or
        where a data set that it reads has problems of its own. `others`: data sets that will be asked for too, so that one
        process answers for all."""
        if address not in self._known:
            self._ask([one for one in dict.fromkeys((address, *others)) if one not in self._known])
        return self._known.get(address)

    def _ask(self, addresses: Sequence[Address]) -> None:
        files: dict[Address, Path] = {}
        for address in addresses:
            resource = self.context.resources[address]
            if missing := _missing_sources(resource, self.context):
                self._known[address] = DataSchema(problems=tuple(missing))
                continue
            with suppress(MlopsError):  # of a data set that it reads, and whose own problem it is
                files[address] = _file(resource, self.context)
                if (schema := _read(files[address])) is not None:
                    self._known[address] = schema
                    del files[address]
        if not files or self.lacks:
            return
        try:
            answer = self._run(self._request(files))
        except (MlopsError, ContractError, OSError) as error:
            self._known |= {at: _unknown(error) for at in files}
            return
        for address, file in files.items():
            if (schema := answer.datasets.get(address.name)) is not None:
                self._known[address] = schema
                if not schema.problems:
                    _write(file, schema)

    def _request(self, addresses: Iterable[Address]) -> DescribeRequest:
        """Ask for the data sets and, before them, for those that they read; where the sources of one are not here, its columns
        are those of its last version."""
        prepared: dict[str, dict[str, str]] = {}
        datasets: dict[str, dict[str, Json]] = {}

        def ask(address: Address) -> None:
            resource = self.context.resources[address]
            if address.name in {**datasets, **prepared}:
                return
            if _missing_sources(resource, self.context):
                prepared[address.name] = dict(last_types(address, self.context))
                return
            for read in _reads(resource):
                ask(read)
            datasets[address.name] = dict(resource.inputs)

        for address in addresses:
            ask(address)
        return DescribeRequest(datasets=datasets, prepared={name: types for name, types in prepared.items() if types})

    @cached_property
    def lacks(self) -> str:
        """The packages that are not installed here and without which no data can be read; empty where none is missing."""
        return ", ".join(name for name in _NEEDED if importlib.util.find_spec(name) is None)

    def _run(self, asked: DescribeRequest) -> DescribeAnswer:
        """Start the process. Raises MlopsError, ContractError, OSError."""
        root = self.context.root
        with scratch(make_home(root) / "describe") as folder:
            request, answer = folder / "request.json", folder / "answer.json"
            request.write_text(encode(asked))
            # -P: nothing that lies in the project is imported by a plan.
            run([sys.executable, "-P", "-m", _DESCRIBE, str(request.absolute()), str(answer.absolute())], cwd=root)
            return decode(DescribeAnswer, answer.read_bytes())


def schema_problems(resource: LoadedResource, schema: DataSchema, root: Path) -> Iterator[Problem]:
    """Yield why the columns of a data set cannot be known or, where they are, what it says that they cannot do; each at its
    place in a file."""
    for problem in schema.problems:
        source = _line_of_block(resource.source(problem.field), problem.line, root)
        yield Problem(problem.summary, problem.detail, str(resource.address), source, problem.hint)
    if schema.problems:
        return
    from mlops.config.validate.columns import misfits  # pydantic: a plan that makes no data set does without

    for found in misfits(resource.inputs, {column.name: column for column in schema.columns}):
        source = _pointed_at(resource.source(found.field), found.named, root)
        yield Problem(found.summary, found.detail, str(resource.address), source, found.hint)


def _line_of_block(source: FileLocation | None, line: int | None, root: Path) -> FileLocation | None:
    """Return the place of a line of a text, where the text is a block of YAML; otherwise of the text as a whole."""
    is_block = line is not None and re.search(r":\s*[|>][+-]?\s*(#.*)?$", _line_at(source, root))
    return replace(source, line=source.line + line) if is_block and source and source.line and line else source


def _line_at(source: FileLocation | None, root: Path) -> str:
    """Return the line of a file; empty where it cannot be read."""
    if source is None or source.line is None:
        return ""
    with suppress(OSError, IndexError):
        return (root / source.file).read_text(encoding="utf-8", errors="replace").splitlines()[source.line - 1]
    return ""


def _pointed_at(source: FileLocation | None, text: str, root: Path) -> FileLocation | None:
    """Return the place with the column at which the text stands in its line, where it stands there once."""
    found = list(re.finditer(rf"(?<!\w){re.escape(text)}(?!\w)", _line_at(source, root)))
    if source is None or len(found) != 1:
        return source
    return replace(source, column=found[0].start() + 1, width=len(text))


def _unknown(error: Exception) -> DataSchema:
    detail = f"They were to be checked before anything is done. {error} To plan without this check: --no-preflight."
    return DataSchema(problems=(DescribeProblem(summary="columns cannot be found out", detail=detail, field=""),))


def last_types(address: Address, context: Context) -> Mapping[str, str]:
    """Return column -> type of the last version of a data set: as it was recorded or, where it was made elsewhere, as it lies
    here; empty where neither is known."""
    record = context.records.get(address)
    if record is not None and (types := record.outputs.get("types")):
        return dict(types)
    with suppress(OSError, ValueError, KeyError, TypeError):
        schema = json.loads((context.root / "data" / address.name / "schema.json").read_text())
        return {column["name"]: column["type"] for column in schema["columns"]}
    return {}


def _reads(resource: LoadedResource) -> list[Address]:
    """Return the data sets that a data set reads."""
    return list(dict.fromkeys(at for _, at in resource.references if at.kind == "dataset"))


def _missing_sources(resource: LoadedResource, context: Context) -> list[DescribeProblem]:
    problems = []
    for name, source in resource.inputs["sources"].items():
        try:
            context.sources.of(resource.address.name, name, source)
        except MlopsError as error:
            first = error.problems[0]
            problems.append(
                DescribeProblem(
                    summary=first.summary, detail=first.detail, field=f"sources.{name}.uri", hint=first.hint
                )
            )
    return problems


def _file(resource: LoadedResource, context: Context) -> Path:
    """Name the file that remembers the answer. Raises MlopsError for a source that is not there."""
    name = hashlib.sha256(_identity(resource, context).encode()).hexdigest()[:40]
    return context.paths.home / "cache" / "schemas" / f"{name}.json"


def _identity(resource: LoadedResource, context: Context, below: tuple[Address, ...] = ()) -> str:
    """Return a text that differs where the columns of a data set may. `below`: what reads it."""
    sources, address = resource.inputs["sources"], resource.address
    fingerprints = {name: context.sources.of(address.name, name, source) for name, source in sources.items()}
    readers = sorted({SOURCES.module(scheme_of(source["uri"])) for source in sources.values()})
    code = work_code([_DESCRIBE, *readers], context.hashes)
    read: dict[str, str] = {}
    for upstream in _reads(resource):
        if upstream in context.resources and upstream not in (address, *below):
            try:
                read[str(upstream)] = _identity(context.resources[upstream], context, (address, *below))
            except MlopsError:
                types = last_types(upstream, context)
                if not types:
                    raise
                read[str(upstream)] = json.dumps(types)
    made_of = [sources, resource.inputs.get("sql"), fingerprints, code, _engine(), read]
    if window := resource.inputs.get("window"):
        made_of += [resource.inputs.get("label"), dict(window)]
    return json.dumps(made_of, sort_keys=True, default=dict)


def _engine() -> str:
    with suppress(ImportError):
        return version("duckdb")
    return ""


def _read(file: Path) -> DataSchema | None:
    with suppress(OSError, ContractError):
        return decode(DataSchema, file.read_bytes())
    return None


def _write(file: Path, schema: DataSchema) -> None:
    """Remember an answer; a folder that cannot be written costs the next command some time."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(f".{os.getpid()}")
        temporary.write_text(encode(schema))
        temporary.replace(file)
        kept = sorted(file.parent.glob("*.json"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in kept[_KEPT:]:
            old.unlink(missing_ok=True)
