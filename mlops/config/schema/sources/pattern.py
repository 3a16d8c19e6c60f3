"""Judge the pattern that the lines of a text file match.

Lives here: group_names.
Not here: matching (workloads.data.sources.text).
Law: a pattern that the stage could not run is an error of the spec, before anything is planned.
"""

from __future__ import annotations

import re

from mlops.config.schema.base import FieldError

_NOT_RE2 = re.compile(r"(?<!\\)(?:\\\\)*(\(\?(?:[=!>(#]|<[=!]|P=)|\\[1-9]|[*+?}]\+)")


def group_names(pattern: str) -> tuple[str, ...]:
    """Return the names of the groups in a regular expression, in its order. Raises FieldError where it has none, or is none."""
    try:
        groups = re.compile(pattern).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        raise FieldError(f"it is no regular expression: {error}") from error
    if not groups:
        raise FieldError("it names no group, and each column is one: write `(?P<level>[A-Z]+)`")
    if found := _NOT_RE2.search(re.sub(r"\[\^?\]?(?:\\.|[^\]\\])*\]", "[]", pattern)):
        raise FieldError(
            f"`{found[1]}` is not in the regular expressions of RE2, which look neither ahead nor back and repeat no group; "
            "write what the line holds instead"
        )
    return tuple(groups)
