"""Name a model, or one version of it.

Lives here: check_reference (how it is written), split_reference, is_alias, is_version.
Not here: which version a name stands for (registry).
Law: without a name after the @ it is the version that dvc.lock pins; a version of GTO begins with v and a digit.
"""

from __future__ import annotations

import re

MODEL_REFERENCE = r"^[a-z0-9][a-z0-9-]*(@[A-Za-z0-9][A-Za-z0-9.+-]*)?$"
"""For editors; `check_reference` says more."""
_NAME = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ALIAS = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_VERSION = r"v(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?"


def is_version(name: str) -> bool:
    """Say whether what stands after the @ is a version, such as v1.2.0, and no alias."""
    return re.fullmatch(_VERSION, name) is not None


def is_alias(name: str) -> bool:
    """Say whether a name is written as an alias is; one that looks like a version is none."""
    return re.fullmatch(_ALIAS, name) is not None and not re.match(r"v\d", name)


def check_reference(text: str) -> str:
    """Return the text. Raises ValueError where it names neither a model nor a version of one."""
    name, at, wanted = text.partition("@")
    if not re.fullmatch(_NAME, name):
        raise ValueError(f"`{text}` names no model; write the name of one, in lower-case letters, digits and -")
    if at and not (is_alias(wanted) or is_version(wanted)):
        raise ValueError(
            f"`{wanted}` after the @ names no version; write an alias in lower-case letters, digits and -, such as "
            f"{name}@champion, or a version such as {name}@v1.2.0"
        )
    return text


def split_reference(text: str) -> tuple[str, str]:
    """Return the name of the model, and what stands after the @: an alias or a version, empty where there is none."""
    name, _, wanted = text.partition("@")
    return name, wanted
