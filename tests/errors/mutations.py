"""Break a valid project the way hands, merges and editors do: by its structure, by its text, by its words.

Lives here: Mutant (files and words of the command line), mutant (number -> one, always the same).
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.conftest import SMALL

CONF = Path(__file__).parents[1] / "cases" / "conf"
MARKER = "executed"
EXTRA = {
    "conf/env/stage.yaml": "state: { url: 'sqlite:///stage.db' }\nendpoint: { late: { replicas: 3 } }\n",
    "conf/experiment/short.yaml": "model: { late: { trainer: { max_epochs: 1 } } }\n",
    "conf/value/many.yaml": "value: ${.description}\ndescription: x\nfor_each: { a: { value: 2 }, b: {} }\n",
    "conf/value/one.yaml": "value: { deep: [1, '${output:endpoint.late.url}'] }\n",
}
BOMB = {"a": ["x"] * 9}
EVIL: list[Any] = [
    "", " ", "~", "null", "yes", "0x1F", "1e309", "-0", "nan", ".inf", "2001-01-01", "1:30", "\x00", "\ud7ff", "é" * 40, "a" * 5000,
    "${", "${}", "${a", "${.}", "${..x}", "${late}", "${model.late.trainer}", "${model.late}", "${value.one.value}", "${oc.env:HOME}",
    "${oc.decode:1}", "${secret:KEY}", "${secret:}", "${secret:../../etc/passwd}", "${output:value.one.value}", "${output:x}",
    "${output:endpoint.late.nothing}", "${each.key}", "${each}", "${hydra:run.dir}", "$$", "%d", "{}", "!!python/name:os.system",
    "os.system", "subprocess.run", "builtins.eval", "mlops.workloads.training.Nothing", "planted.touch", "__import__('planted')",
    "../../x", "/etc/passwd", "file:///etc/passwd", "package://planted/rows.csv", "package://os/x", "http://127.0.0.1:1/x",
    "5GB", "10 %", "-1s", "0s", "9" * 40, "1/0", "test_auc >= ", ">= 1", "test_auc >= live - live", "SELECT", "DROP TABLE rows", "--",
    None, True, False, 0, -1, 2**63, -(2**70), 1e308, float("nan"), float("inf"), [], {}, [[]], [None], {"": ""}, {"_target_": "os.system"},
    {"_target_": "planted.touch", "_args_": ["x"]}, {"_partial_": True, "_target_": "builtins.exec", "_args_": ["import planted"]},
    {"for_each": ["a"]}, {"for_each": {"A B": {}}}, {"a": {"b": {"c": {"d": {}}}}}, [BOMB] * 9,
]  # fmt: skip
KEYS = [
    "hydra", "defaults", "_target_", "_self_", "for_each", "enabled", "protect", "description", "state", "build", "name", "environment",
    "dataset", "model", "value", "moved", "removed", "allow_targets", "training", "secret", "", " ", "a.b", "a/b", "@", "é", "1", "null",
    "__class__", "model_config", "copy", "json",
]  # fmt: skip
TAGS = [
    "!!python/object/apply:os.system ['touch executed']", "!!python/module:planted x", "!x y", "&a [*a]", "*nowhere", "<<: *x", "@bad",
    "`bad", "%YAML 9", "--- {}", "? [a]: b", "\tx: 1", "- - -", "{a: b", "'open", '"\\x"', "\ufeff", "<<<<<<< HEAD", "key: [1, 2", "|\n x",
]  # fmt: skip
WORDS = [
    "env=dev", "env=prod", "env=stage", "env=", "+experiment=short", "+experiment=none", "model.late.trainer.max_epochs=2",
    "model.late.trainer.max_epoch=2", "model.late=1", "model=1", "=", "a=b", "+a=b", "~model.late.gates", "++model.late.trainer.seed=3",
    "hydra.run.dir=executed", "hydra/launcher=x", "model.late.architecture._target_=planted.touch", "value.one.value=${oc.env:HOME}",
    "value.one.value=[1,2", "endpoint.late.replicas=-1", "model.late.trainer.seed=1,2", "value.many.for_each.a.value=9", "x" * 3000 + "=1",
    "model.late.architecture={_target_:os.system}", "dataset.rows.sql='", 'value.one.value="', "value.one.value={a:{b:}}", "é=1",
]  # fmt: skip
Tree = Any


@dataclass(frozen=True)
class Mutant:
    """`done`: what was done to it, for whoever must understand a failure."""

    files: dict[str, bytes]
    words: list[str]
    done: list[str]


def valid() -> dict[str, str]:
    """The small project with everything that a file may say, and the files that the golden cases stand on."""
    files = {**SMALL, **EXTRA}
    for path in sorted(CONF.glob("*/*.yaml")):
        if path.parent.name in ("dataset", "model", "package", "endpoint", "monitor"):
            files[f"conf/{path.parent.name}/{path.name}"] = path.read_text()
    return files


def mutant(number: int, seed: int) -> Mutant:
    chance = random.Random(f"{seed}-{number}")
    texts, done = valid(), []
    for _ in range(chance.choice([1, 1, 1, 2, 2, 3, 6])):
        name = chance.choice(sorted(texts))
        how = chance.choice([in_the_tree, in_the_tree, in_the_tree, in_the_text, among_files])
        done.append(f"{how.__name__} {name}: {how(chance, texts, name)}")
    words = [chance.choice(WORDS) for _ in range(chance.choice([0, 0, 0, 1, 1, 2]))]
    files = {name: text.encode("utf-8", "surrogatepass") for name, text in texts.items()}
    if chance.random() < 0.05:
        name = chance.choice(sorted(files))
        at = chance.randrange(len(files[name]) + 1)
        files[name] = files[name][:at] + chance.randbytes(chance.randrange(1, 9)) + files[name][at:]
        done.append(f"bytes in {name} at {at}")
    return Mutant(files, words, done)


def nodes(tree: Tree, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return found + [inner for key, value in items for inner in nodes(value, (*path, key))]


def in_the_tree(chance: random.Random, texts: dict[str, str], name: str) -> str:
    try:
        tree = yaml.safe_load(texts[name])
    except yaml.YAMLError:
        return "is no YAML any more"
    paths = nodes(tree)
    if not paths:
        return "is empty"
    path = chance.choice(paths)
    holder = tree
    for part in path[:-1]:
        holder = holder[part]
    change = chance.choice(CHANGES)
    change(chance, holder, path[-1], tree)
    try:
        texts[name] = yaml.safe_dump(tree, sort_keys=False, allow_unicode=chance.random() < 0.5)
    except (yaml.YAMLError, UnicodeError, ValueError, RecursionError):
        texts[name] = json.dumps(str(tree))
    return f"{change.__name__} at {'.'.join(map(str, path))}"


def replace(chance: random.Random, holder: Tree, key: Any, tree: Tree) -> None:
    holder[key] = copy.deepcopy(chance.choice(EVIL))


def leave_out(chance: random.Random, holder: Tree, key: Any, tree: Tree) -> None:
    del holder[key]


def misspell(chance: random.Random, holder: Tree, key: Any, tree: Tree) -> None:
    if isinstance(holder, dict):
        text = str(key)
        at = chance.randrange(len(text) + 1)
        holder[chance.choice([text[:at] + text[at + 1 :], text[:at] + "x" + text[at:], text.upper(), f"{text} "])] = (
            holder.pop(key)
        )
    else:
        holder.append(holder[key])


def add(chance: random.Random, holder: Tree, key: Any, tree: Tree) -> None:
    value = copy.deepcopy(chance.choice(EVIL))
    if isinstance(holder, dict):
        holder[chance.choice(KEYS)] = value
    else:
        holder.insert(chance.randrange(len(holder) + 1), value)


def wrap(chance: random.Random, holder: Tree, key: Any, tree: Tree) -> None:
    holder[key] = chance.choice([[holder[key]], {"value": holder[key]}, str(holder[key]), [holder[key]] * 3])


def graft(chance: random.Random, holder: Tree, key: Any, tree: Tree) -> None:
    """Another part of the same file in its place."""
    other: Any = tree
    for part in chance.choice(nodes(tree)):
        other = other[part]
    holder[key] = copy.deepcopy(other)


def bury(chance: random.Random, holder: Tree, key: Any, tree: Tree) -> None:
    value = holder[key]
    for _ in range(chance.choice([5, 40, 70, 200])):
        value = {"x": value} if chance.random() < 0.5 else [value]
    holder[key] = value


CHANGES: list[Callable[[random.Random, Tree, Any, Tree], None]] = [
    replace, replace, replace, leave_out, misspell, misspell, add, add, wrap, graft, graft, bury,
]  # fmt: skip


def in_the_text(chance: random.Random, texts: dict[str, str], name: str) -> str:
    lines = texts[name].splitlines() or [""]
    at = chance.randrange(len(lines))
    how = chance.randrange(7)
    match how:
        case 0:
            lines.insert(at, chance.choice(TAGS))
        case 1:
            lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
        case 2:
            lines[at] = chance.choice([" ", "  ", "\t"]) + lines[at]
        case 3:
            lines.insert(at, lines[at])
        case 4:
            key, _, rest = lines[at].partition(":")
            lines[at] = f"{key}: {chance.choice(TAGS)} {rest}"
        case 5:
            lines = lines[:at]
        case _:
            spot = chance.randrange(len(lines[at]) + 1)
            lines[at] = lines[at][:spot] + chance.choice(list("{}[]:,#&*!|>'\"%@`\\-?\u2028\x07")) + lines[at][spot:]
    texts[name] = "\n".join(lines) + chance.choice(["\n", "", "\r\n"])
    return f"way {how} in line {at + 1}"


def among_files(chance: random.Random, texts: dict[str, str], name: str) -> str:
    other = chance.choice(sorted(texts))
    match chance.randrange(5):
        case 0:
            texts[name] = texts[other]
            return f"became a copy of {other}"
        case 1:
            texts[name] += texts[other]
            return f"got {other} behind it"
        case 2 if len(texts) > 2:
            del texts[name]
            return "went"
        case 3:
            new = name.replace(
                ".yaml", chance.choice(["-x.yaml", ".yml", " b.yaml", "_c.yaml", ".yaml.bak", ".json", "é.yaml"])
            )
            texts[new] = texts.pop(name)
            return f"is called {new} now"
        case _:
            new = (
                chance.choice(["conf/endpoint/", "conf/nokind/", "conf/deep/er/", "conf/", "conf/value/"])
                + Path(name).name
            )
            texts[new] = texts[name]
            return f"is also {new}"
