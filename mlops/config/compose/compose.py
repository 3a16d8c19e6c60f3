"""Put the files of conf/ together.

Lives here: compose, the only function that calls Hydra, and Composed, its result: one tree, and where each value was
written.
Not here: what the values mean (validate), keeping the result (load).
Law: project, resources, environment, experiment, command line; later wins. Nothing is executed, no environment
variable is read: equal files and overrides give equal trees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mlops.config.compose.files import CONF, ENV, EXPERIMENT, PROJECT, Files
from mlops.config.compose.overrides import Override, Overrides
from mlops.config.compose.provenance import Layer, Provenance
from mlops.config.compose.yaml_source import EMPTY, SourceNode, read_source
from mlops.config.project import COMMAND_LINE
from mlops.errors import FileLocation, InvalidConfig, Problem, near
from mlops.extensions import KINDS

Tree = dict[str, Any]
"""Nested JSON, by field."""


@dataclass(frozen=True)
class Composed:
    """One configuration. `tree`: kinds -> names -> fields, and the project's own fields; interpolations are not resolved
    yet. `kinds`: those that have a folder in conf/."""

    tree: Tree
    provenance: Provenance
    environment: str
    kinds: tuple[str, ...]


def compose(files: Files, overrides: Overrides) -> Composed:
    """Compose the project. Raises InvalidConfig with every problem that is found before values can be judged."""
    problems = list(files.unread)
    nodes: dict[str, SourceNode] = {}
    for path, content in files.texts.items():
        node, found = read_source(path, content)
        problems += found
        if node is not None:
            nodes[path] = node
    if PROJECT not in files.texts:
        problems.append(
            Problem(
                "no project file",
                f"{PROJECT} does not exist. Write one with `name: NAME`.",
                source=FileLocation(PROJECT),
            )
        )
    problems += [p for path, node in nodes.items() for p in _steering(path, node)]
    if problems:
        raise InvalidConfig(*problems)
    environment = overrides.environment or _text(nodes[PROJECT], "environment") or "dev"
    entries = _entries(files, environment, overrides)
    problems = [p for path, node in nodes.items() for p in _out_of_place(path, node, files)]
    problems += [p for override in overrides.values for p in _unknown_target(override, files)]
    if problems:
        raise InvalidConfig(*problems)
    return _composed(files, [*entries, *overrides.hydra_texts()], nodes, overrides, environment)


def _composed(
    files: Files, entries: list[str], nodes: dict[str, SourceNode], overrides: Overrides, env: str
) -> Composed:
    try:
        with initialize_config_dir(str((files.root / CONF).absolute()), version_base="1.3"):
            config = hydra_compose("project", entries)
            loader = GlobalHydra.instance().config_loader()
            defaults = loader.compute_defaults_list("project", entries, RunMode.RUN).defaults
    except (HydraException, OmegaConfBaseException, OSError, ValueError) as error:
        raise InvalidConfig(_blame(error, files)) from error
    layers: list[Layer] = []
    for default in defaults:
        path = f"{CONF}/{default.config_path}.yaml"
        if path in nodes:
            at = tuple(default.package.split(".")) if default.package else ()
            layers.append(Layer(path, at, nodes[path], _group(path)))
    layers += [Layer(COMMAND_LINE, one.path[:-1], one.source_node(), COMMAND_LINE) for one in overrides.values]
    tree = OmegaConf.to_container(config, resolve=False)
    assert isinstance(tree, dict)
    named = {str(key): value for key, value in tree.items()}
    overrides.set_quoted(named)
    return Composed(named, Provenance(layers), env, files.kinds)


def _entries(files: Files, environment: str, overrides: Overrides) -> list[str]:
    """Return the entries of Hydra's defaults list, in the order of composition."""
    entries = [f"+{kind}@{kind}.{name}={name}" for kind in files.kinds for name in files.names(kind)]
    problems: list[Problem] = []
    for folder, chosen in ((ENV, environment), *((EXPERIMENT, name) for name in overrides.experiments)):
        known = files.names(folder)
        if chosen in known:
            entries.append(f"+{folder}@_global_={chosen}")
        elif folder != ENV or chosen != "dev" or overrides.environment:
            there = ", ".join(known) or "none"
            what = "environment" if folder == ENV else "experiment"
            problems.append(
                Problem(
                    f"no such {what}",
                    f"{CONF}/{folder}/{chosen}.yaml does not exist; there are: {there}. Write it, or choose another.",
                    source=FileLocation(COMMAND_LINE),
                    hint=near(chosen, known),
                )
            )
    if problems:
        raise InvalidConfig(*problems)
    return entries


def _group(path: str) -> str:
    folder = path[len(CONF) + 1 :].partition("/")[0]
    return "project" if path == PROJECT else folder


def _text(node: SourceNode, key: str) -> str | None:
    child = node.child(key)
    return child.text if child else None


def _steering(path: str, node: SourceNode) -> list[Problem]:
    """Return a problem where a key would steer Hydra itself."""
    child = node.child("hydra")
    if child is None:
        return []
    line, column, width = child.key or (child.line, child.column, child.width)
    return [
        Problem(
            "unknown field",
            "`hydra` would steer the composition itself, which is fixed here. Take it out.",
            source=FileLocation(path, line, column, width),
        )
    ]


def _out_of_place(path: str, node: SourceNode, files: Files) -> list[Problem]:
    """Return a problem for all that an environment or an experiment may not say, and for resources that no file defines."""
    group = _group(path)
    problems: list[Problem] = []
    for key, below in node.items():
        if group in (ENV, EXPERIMENT) and str(key) in KINDS:
            if not isinstance(below.children, Mapping):
                problems.append(_no_names(str(key), path, below))
            for name, value in below.items():
                where = FileLocation(path, *(value.key or (value.line, value.column, value.width)))
                if group == ENV and key in ("dataset", "model"):
                    problems.append(_built_once(f"{key}.{name}", where))
                elif name not in files.names(str(key)):
                    problems.append(_unknown(str(key), str(name), where, files))
        elif group == "project" and str(key) in KINDS:
            where = FileLocation(path, *(below.key or (below.line, below.column, below.width)))
            detail = f"`{key}` is a kind, and a resource is a file of its own: {CONF}/{key}/NAME.yaml. Move it there."
            problems.append(Problem("resource in the project's file", detail, source=where))
    return problems


def _no_names(kind: str, path: str, below: SourceNode) -> Problem:
    return Problem(
        "not a mapping",
        f"`{kind}` is a kind, and below it stand the names of resources with what differs: `{kind}: {{ NAME: {{ FIELD: VALUE }} }}`.",
        source=FileLocation(path, below.line, below.column, below.width),
    )


def _built_once(address: str, where: FileLocation) -> Problem:
    return Problem(
        "environment touches what is built once",
        f"{address} is the same in every environment: it is built once and promoted. An environment says where and how "
        f"things run. To try other values, put them into {CONF}/{EXPERIMENT}/NAME.yaml and plan with +experiment=NAME.",
        source=where,
    )


def _unknown(kind: str, name: str, where: FileLocation, files: Files) -> Problem:
    return Problem(
        "no such resource",
        f"{CONF}/{kind}/{name}.yaml does not exist, so there is no {kind}.{name} to say this of.",
        source=where,
        hint=near(name, files.names(kind)),
    )


def _unknown_target(override: Override, files: Files) -> list[Problem]:
    path = override.path
    if path[0] not in KINDS:
        return []
    if len(path) < 3:
        detail = (
            f"`{override.text}` must name a field: KIND.NAME.FIELD=VALUE, such as model.delay.trainer.max_epochs=5."
        )
        return [Problem("invalid override", detail, source=FileLocation(COMMAND_LINE))]
    if path[1] in files.names(path[0]):
        return []
    return [_unknown(path[0], path[1], FileLocation(COMMAND_LINE), files)]


def _blame(error: Exception, files: Files) -> Problem:
    """Return the problem that Hydra or OmegaConf found, with the file that their message names where it names one."""
    text = " ".join(str(error).split()).partition(" Config search path")[0].rstrip(".")
    named = next((path for path in files.texts if path[len(CONF) + 1 : -len(".yaml")] in text), None)
    node = EMPTY if named is None else read_source(named, files.texts[named])[0] or EMPTY
    defaults = node.child("defaults")
    where = FileLocation(named, defaults.line if defaults else None) if named else FileLocation(PROJECT)
    return Problem("cannot be composed", f"{text[:600]}. Correct the `defaults`, or the override.", source=where)
