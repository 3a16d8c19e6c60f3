"""Put the files of conf/ together.

Lives here: compose, the one place that calls Hydra, and Composed, its result: one tree, and where each value was said.
Not here: what the values mean (judge), keeping the result (load).
Law: project, resources, environment, experiment, command line; later wins. Nothing is executed, no environment
variable is read: equal files and words give equal trees.
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
from mlops.config.compose.overrides import Overrides
from mlops.config.compose.provenance import Layer, Provenance
from mlops.config.compose.yaml_source import EMPTY, SourceNode, near, read_source
from mlops.config.project import COMMAND_LINE
from mlops.errors import InvalidConfig, Problem, Source
from mlops.extensions import KINDS

Tree = dict[str, Any]


@dataclass(frozen=True)
class Composed:
    """`tree`: kinds -> names -> fields, and the project's own fields; interpolations are not resolved yet."""

    tree: Tree
    provenance: Provenance
    environment: str
    kinds: tuple[str, ...]


def compose(files: Files, overrides: Overrides) -> Composed:
    """Raises InvalidConfig with every problem that is found before values can be judged."""
    problems = list(files.unread)
    places: dict[str, SourceNode] = {}
    for path, content in files.texts.items():
        place, found = read_source(path, content)
        problems += found
        if place is not None:
            places[path] = place
    if PROJECT not in files.texts:
        problems.append(
            Problem(
                "no project file", f"{PROJECT} does not exist. Write one with `name: NAME`.", source=Source(PROJECT)
            )
        )
    problems += [p for path, place in places.items() for p in _steering(path, place)]
    if problems:
        raise InvalidConfig(*problems)
    environment = overrides.environment or _text(places[PROJECT], "environment") or "dev"
    asked = _entries(files, environment, overrides)
    problems = [p for path, place in places.items() for p in _out_of_place(path, place, files)]
    problems += [p for word in overrides.values for p in _unknown_target(word.path, word.text, files)]
    if problems:
        raise InvalidConfig(*problems)
    return _composed(files, [*asked, *overrides.overrides()], places, overrides, environment)


def _composed(
    files: Files, asked: list[str], places: dict[str, SourceNode], overrides: Overrides, env: str
) -> Composed:
    try:
        with initialize_config_dir(str((files.root / CONF).absolute()), version_base="1.3"):
            config = hydra_compose("project", asked)
            loader = GlobalHydra.instance().config_loader()
            told = loader.compute_defaults_list("project", asked, RunMode.RUN).defaults
    except (HydraException, OmegaConfBaseException, OSError, ValueError) as error:
        raise InvalidConfig(_blame(error, files)) from error
    layers: list[Layer] = []
    for default in told:
        path = f"{CONF}/{default.config_path}.yaml"
        if path in places:
            at = tuple(default.package.split(".")) if default.package else ()
            layers.append(Layer(path, at, places[path], _group(path)))
    layers += [Layer(COMMAND_LINE, word.path[:-1], word.place(), COMMAND_LINE) for word in overrides.values]
    tree = OmegaConf.to_container(config, resolve=False)
    assert isinstance(tree, dict)
    return Composed({str(key): value for key, value in tree.items()}, Provenance(layers), env, files.kinds)


def _entries(files: Files, environment: str, overrides: Overrides) -> list[str]:
    """The entries of Hydra's defaults list, in the order of composition."""
    asked = [f"+{kind}@{kind}.{name}={name}" for kind in files.kinds for name in files.names(kind)]
    problems: list[Problem] = []
    for folder, chosen in ((ENV, environment), *((EXPERIMENT, name) for name in overrides.experiments)):
        known = files.names(folder)
        if chosen in known:
            asked.append(f"+{folder}@_global_={chosen}")
        elif folder != ENV or chosen != "dev" or overrides.environment:
            there = ", ".join(known) or "none"
            what = "environment" if folder == ENV else "experiment"
            problems.append(
                Problem(
                    f"no such {what}",
                    f"{CONF}/{folder}/{chosen}.yaml does not exist; there are: {there}. Write it, or choose another.",
                    source=Source(COMMAND_LINE),
                    hint=near(chosen, known),
                )
            )
    if problems:
        raise InvalidConfig(*problems)
    return asked


def _group(path: str) -> str:
    folder = path[len(CONF) + 1 :].partition("/")[0]
    return "project" if path == PROJECT else folder


def _text(place: SourceNode, key: str) -> str | None:
    child = place.child(key)
    return child.text if child else None


def _steering(path: str, place: SourceNode) -> list[Problem]:
    """Keys that would steer Hydra itself."""
    named = place.child("hydra")
    if named is None:
        return []
    line, column, width = named.key or (named.line, named.column, named.width)
    return [
        Problem(
            "unknown field",
            "`hydra` would steer the composition itself, which is fixed here. Take it out.",
            source=Source(path, line, column, width),
        )
    ]


def _out_of_place(path: str, place: SourceNode, files: Files) -> list[Problem]:
    """What an environment or an experiment may not say, and resources that no file defines."""
    group = _group(path)
    problems: list[Problem] = []
    for key, below in place.items():
        if group in (ENV, EXPERIMENT) and str(key) in KINDS:
            if not isinstance(below.children, Mapping):
                problems.append(_no_names(str(key), path, below))
            for name, value in below.items():
                where = Source(path, *(value.key or (value.line, value.column, value.width)))
                if group == ENV and key in ("dataset", "model"):
                    problems.append(_built_once(f"{key}.{name}", where))
                elif name not in files.names(str(key)):
                    problems.append(_unknown(str(key), str(name), where, files))
        elif group == "project" and str(key) in KINDS:
            where = Source(path, *(below.key or (below.line, below.column, below.width)))
            detail = f"`{key}` is a kind, and a resource is a file of its own: {CONF}/{key}/NAME.yaml. Move it there."
            problems.append(Problem("resource in the project's file", detail, source=where))
    return problems


def _no_names(kind: str, path: str, below: SourceNode) -> Problem:
    return Problem(
        "not a mapping",
        f"`{kind}` is a kind, and below it stand the names of resources with what differs: `{kind}: {{ NAME: {{ FIELD: VALUE }} }}`.",
        source=Source(path, below.line, below.column, below.width),
    )


def _built_once(address: str, where: Source) -> Problem:
    return Problem(
        "environment touches what is built once",
        f"{address} is the same in every environment: it is built once and promoted. An environment says where and how "
        f"things run. To try other values, put them into {CONF}/{EXPERIMENT}/NAME.yaml and plan with +experiment=NAME.",
        source=where,
    )


def _unknown(kind: str, name: str, where: Source, files: Files) -> Problem:
    return Problem(
        "no such resource",
        f"{CONF}/{kind}/{name}.yaml does not exist, so there is no {kind}.{name} to say this of.",
        source=where,
        hint=near(name, files.names(kind)),
    )


def _unknown_target(path: tuple[str, ...], text: str, files: Files) -> list[Problem]:
    if path[0] not in KINDS:
        return []
    if len(path) < 3:
        detail = f"`{text}` must name a field: KIND.NAME.FIELD=VALUE, such as model.delay.trainer.max_epochs=5."
        return [Problem("invalid override", detail, source=Source(COMMAND_LINE))]
    if path[1] in files.names(path[0]):
        return []
    return [_unknown(path[0], path[1], Source(COMMAND_LINE), files)]


def _blame(error: Exception, files: Files) -> Problem:
    """Hydra's and OmegaConf's overrides, with the file that they mean where it can be told."""
    text = " ".join(str(error).split()).partition(" Config search path")[0].rstrip(".")
    named = next((path for path in files.texts if path[len(CONF) + 1 : -len(".yaml")] in text), None)
    place = EMPTY if named is None else read_source(named, files.texts[named])[0] or EMPTY
    defaults = place.child("defaults")
    where = Source(named, defaults.line if defaults else None) if named else Source(PROJECT)
    return Problem("cannot be composed", f"{text[:600]}. Correct the `defaults`, or the override.", source=where)
