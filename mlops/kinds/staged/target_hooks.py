"""Read what a `_target_` defines without importing it.

Lives here: refuse_ignored, which refuses sections of a model that its own LightningModule would leave without a reader.
Not here: the code that counts (code), the same check of what is really made (workloads.training.families.network.own_module).
Law: only what stands in the module's file is judged; what cannot be read from it is left to training, which knows.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlops.errors import MlopsError

READERS: Mapping[str, str] = {
    "loss": "training_step",
    "augment": "training_step",
    "optimizer": "configure_optimizers",
}
"""Section of a model -> the method of a LightningModule that takes its place."""


def refuse_ignored(inputs: Mapping[str, Any], root: Path) -> None:
    """Raises MlopsError where a model gives a section that its `_target_`, as its file in the project defines it, replaces.

    `inputs`: of a model, defaults left out.
    """
    target = inputs["architecture"].get("_target_")
    said = [section for section in READERS if section in inputs]
    if not target or not said:
        return
    module, _, name = target.rpartition(".")
    defined = _methods(root / f"{module.replace('.', '/')}.py", name)
    for section in said:
        hook = READERS[section]
        if "training_step" in defined and hook in defined:
            raise MlopsError.of(
                "section is not read",
                f"`{target}` defines `{hook}`, so nothing would read `{section}:` of this model. Take the section out, and "
                f"give its values under `architecture:`, which the module is made with; or take `{hook}` out of the module.",
            )


def _methods(file: Path, name: str) -> set[str]:
    """Return the names of the methods of a class and of its bases in the same file; empty where there is no such class."""
    try:
        body = ast.parse(file.read_bytes()).body
    except (OSError, SyntaxError):
        return set()
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    found: set[str] = set()
    todo, seen = [name], set[str]()
    while todo:
        current = todo.pop()
        if current in seen or current not in classes:
            continue
        seen.add(current)
        node = classes[current]
        found |= {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        todo += [base.id for base in node.bases if isinstance(base, ast.Name)]
    return found
