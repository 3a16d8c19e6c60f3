"""Check that what is referred to is there.

Lives here: Declared, missing_resource (the problem of a reference to nothing), output_problems (`${output:…}`).
Not here: fields that are references (schema, by their marker), resolving other `${…}` (compose.expand).
Law: a reference to a resource that conf/ does not define is a problem, with the nearest name that it defines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from typing import Any

from mlops.address import Address
from mlops.config.compose.provenance import Path
from mlops.config.validate.error_messages import ErrorFormatter
from mlops.config.validate.walk import leaves_below
from mlops.errors import Problem, near

Declared = Set[tuple[str, str]]
"""Kind and name of every resource that conf/ defines and that is enabled."""
_OUTPUT = re.compile(r"\$\{output:([a-z]+\.[a-z0-9-]+)\.([a-z_]+)\}")


def missing_resource(
    path: Path, named: str, *, kind: str, declared: Declared, errors: ErrorFormatter, subject: str | None = None
) -> Problem:
    """Return the problem of the field at `path`, which names a resource that is not declared. `subject`: what names it, where
    that is not the field itself."""
    detail = f"{subject or f'`{path[-1]}: {named}`'} names {kind}.{named}, which conf/{kind}/ does not define."
    names = sorted(name for other, name in declared if other == kind)
    hint = near(named, names)
    if hint is None:
        there = f"There are: {', '.join(names[:8])}" if names else f"There is no {kind} at all"
        detail += f" {there}; write conf/{kind}/{named}.yaml, or name another."
    return errors.problem("no such resource", detail, path, hint=hint)


def output_problems(inputs: dict[str, Any], declared: Declared, errors: ErrorFormatter) -> Iterator[Problem]:
    """Yield a problem for every `${output:ADDRESS.NAME}` in `inputs` whose resource is not declared."""
    for path, value in leaves_below(inputs):
        for found in _OUTPUT.finditer(value) if isinstance(value, str) else ():
            address = Address.parse(found[1])
            if (address.kind, address.name) not in declared:
                names = [f"{kind}.{name}" for kind, name in sorted(declared)]
                detail = f"`{found[0]}` is an output of {address}, which conf/ does not define."
                yield errors.problem("no such resource", detail, path, hint=near(str(address), names))
