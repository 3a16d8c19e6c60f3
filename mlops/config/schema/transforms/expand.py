"""Find the columns that patterns name.

Lives here: expand_features, and what a pattern is.
Not here: reading the types of the columns (workloads.data), encoding them.
Law: pure, and equal types give equal features; a column that is named is taken by no pattern, and one that a pattern such as
`lag_*` takes is not taken by `*`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mlops.config.schema.by_name import entries
from mlops.config.schema.transforms.transform import EXCEPT, TransformSpec, is_pattern
from mlops.errors import InvalidConfig, Problem, near
from mlops.extensions import TRANSFORM_SCHEMAS

_EVERY = "*"


def has_patterns(features: Mapping[str, Any]) -> bool:
    """Say whether these features, as they are written, must be expanded before a column can be encoded."""
    return EXCEPT in features or any(is_pattern(name) for names in _listed(features).values() for name in names)


def expand_features(
    features: Mapping[str, Any], types: Mapping[str, str], *, reserved: Collection[str] = ()
) -> dict[str, Any]:
    """Return the features with the columns that they mean, in the order of the data.

    `features`: as the data set says them. `types`: column -> type of the contract, of all columns of the data. `reserved`:
    columns that no pattern takes: the label, and those that the split reads. `*` is every column whose type fits the
    transform; another pattern is every column with such a name. Raises InvalidConfig where a pattern or a name of `except`
    fits no column, or two transforms would take one column.
    """
    listed = _listed(features)
    excepted = tuple(features.get(EXCEPT, ()))
    named = {name for names in listed.values() for name in names if not is_pattern(name)}
    named |= {name for value in features.values() if isinstance(value, Mapping) for name in value}
    free = [name for name in types if name not in named and name not in reserved and not _any(excepted, name)]
    problems = list(_unmatched(listed, excepted, types))
    special = {name for names in listed.values() for pattern in names if is_pattern(pattern) and pattern != _EVERY
               for name in free if _fits(pattern, name)}  # fmt: skip
    models = entries(TRANSFORM_SCHEMAS, TransformSpec, listed)
    expanded = {key: value for key, value in features.items() if key != EXCEPT}
    taken: dict[str, str] = {}
    for transform, names in listed.items():
        found: list[str] = []
        for name in names:
            if not is_pattern(name):
                found.append(name)
            elif name == _EVERY:
                star = models[transform].types_of_star()
                found += [column for column in free if column not in special and types[column] in star]
            else:
                found += [column for column in free if _fits(name, column) and column not in found]
        for column in found:
            if column in free and taken.setdefault(column, transform) != transform:
                detail = (f"`{column}` is taken by patterns of `{taken[column]}` and of `{transform}`; a column is encoded one way. "
                          f"Name it under one of them, or under `{EXCEPT}`.")  # fmt: skip
                problems.append(Problem("features overlap", detail))
        expanded[transform] = found
    if not problems and not named and not any(expanded[transform] for transform in listed):
        detail = (
            "No column of the data fits the patterns of `features`. Name columns, or look at the types in the source."
        )
        problems.append(Problem("no features", detail))
    if problems:
        raise InvalidConfig(*problems)
    return {key: value for key, value in expanded.items() if key not in listed or value}


def _listed(features: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the transforms whose columns are a list, with what the list says."""
    return {
        name: (value,) if isinstance(value, str) else tuple(value)
        for name, value in features.items()
        if name in TRANSFORM_SCHEMAS and isinstance(value, str | list | tuple)
    }


def _fits(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name, re.DOTALL) is not None


def _any(patterns: Collection[str], name: str) -> bool:
    return any(_fits(pattern, name) for pattern in patterns)


def _unmatched(
    listed: Mapping[str, Collection[str]], excepted: Collection[str], types: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield a problem for each pattern but `*`, and each name of `except`, that fits no column."""
    for field, patterns in {**listed, EXCEPT: excepted}.items():
        for pattern in patterns:
            if (field == EXCEPT or (is_pattern(pattern) and pattern != _EVERY)) and not any(
                _fits(pattern, name) for name in types
            ):
                detail = f"`{pattern}` of `features.{field}` fits no column of the data, which has: {', '.join(types)}. Correct it, or take it out."
                yield Problem("no such column", detail, hint=near(pattern, types))
