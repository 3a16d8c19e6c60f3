"""Word what does not fit a field.

Lives here: ErrorFormatter, which turns pydantic's errors about one resource into problems with a place and a next step.
Not here: finding what is wrong (settings, resources), the models (schema).
Law: one problem for one field, in a sentence a tired reader understands; a secret in the clear is never quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from mlops.config.compose.files import PROJECT
from mlops.config.compose.provenance import Path, Provenance
from mlops.config.schema.base import SECRET
from mlops.config.schema.json_schema import fields_at
from mlops.errors import FileLocation, Problem, near

_WANTED = {
    "int_type": "a whole number", "int_parsing": "a whole number", "int_from_float": "a whole number",
    "float_type": "a number", "float_parsing": "a number", "finite_number": "a finite number",
    "bool_type": "true or false", "bool_parsing": "true or false",
    "string_type": "text", "tuple_type": "a list", "list_type": "a list",
    "dict_type": "a mapping", "model_type": "a mapping", "model_attributes_type": "a mapping", "dataclass_type": "a mapping",
    "date_from_datetime_parsing": "a date such as 2013-12-31", "date_parsing": "a date such as 2013-12-31",
    "date_type": "a date such as 2013-12-31", "none_required": "nothing",
}  # fmt: skip


@dataclass(frozen=True)
class ErrorFormatter:
    """Formats errors about `data`. `name`: of the schema. `owner`: in a sentence, such as "a model". `paths`: for a field,
    where it may have been written."""

    name: str
    owner: str
    address: str | None
    data: Any
    paths: Callable[[Path], tuple[Path, ...]]
    provenance: Provenance
    advice: Mapping[str, str] = field(default_factory=dict)
    """Field that may be missing -> what to write."""

    def problem(
        self, summary: str, detail: str, path: Path, *, hint: str | None = None, key: bool = False, hide: bool = False
    ) -> Problem:
        found = self.provenance.exact(self.paths(path)) if path else None
        found = found or self.provenance.find(self.paths(path)[0])
        source = found.source(key=key, line_only=hide or not found.exact) if found else FileLocation(PROJECT)
        return Problem(summary, detail, address=self.address, source=source, hint=hint)

    def problems(self, error: ValidationError) -> list[Problem]:
        """Return one problem for each field that pydantic found errors at."""
        by_path: dict[Path, list[Any]] = {}
        for detail in error.errors(include_url=False):
            by_path.setdefault(self._path(detail), []).append(detail)
        unknown = {path for path, details in by_path.items() if details[0]["type"] == "extra_forbidden"}
        for path in [path for path, details in by_path.items() if details[0]["type"] == "missing"]:
            typos = [str(other[-1]) for other in unknown if other[:-1] == path[:-1]]
            if near(str(path[-1]), typos):
                del by_path[path]
        return [self._describe(path, details) for path, details in by_path.items()]

    def _path(self, detail: Any) -> Path:
        """Return the path in the data: pydantic's own, without the names of alternatives that it puts in between."""
        path: list[str | int] = []
        value: Any = self.data
        parts: Sequence[str | int] = detail["loc"]
        for position, part in enumerate(parts):
            last = position == len(parts) - 1
            is_key = isinstance(value, dict) and part in value
            is_item = isinstance(value, list) and isinstance(part, int) and part < len(value)
            if is_key or is_item:
                value = value[part]
                path.append(part)
            elif last and detail["type"] == "missing":
                path.append(part)
        cause = detail.get("ctx", {}).get("error")
        return (*path, *getattr(cause, "path", ()))

    def _describe(self, path: Path, details: list[Any]) -> Problem:
        first = details[0]
        name = ".".join(str(part) for part in path)
        value = self._value(path)
        match first["type"]:
            case "extra_forbidden":
                return self._unknown(path, name)
            case "missing":
                there = fields_at(self.name, self.data, path[:-1])
                detail = f"`{name}` is missing; {self.owner} needs it. {self.advice.get(name, '')}".rstrip()
                near_miss = [key for key in self._keys(path[:-1]) if key not in there]
                hint = near(str(path[-1]), near_miss)
                return self.problem(
                    "missing field", detail, path, hint=hint.replace("mean", "write it as") if hint else None
                )
            case "string_pattern_mismatch" if first["ctx"]["pattern"] == SECRET:
                detail = (
                    f"`{name}` is a secret, and a secret's value does not stand in a file that is committed. Write "
                    f"`${{secret:NAME}}`, put the value into .mlops/secrets/NAME or the environment variable NAME, and "
                    "change it: what was committed is known."
                )
                return self.problem("secret in the clear", detail, path, hide=True)
            case "literal_error" | "enum" | "union_tag_invalid" | "union_tag_not_found" if self._choices(details):
                return self._choose(path, name, value, self._choices(details))
        wanted = list(dict.fromkeys(self._wanted(one) for one in details))
        if first["type"] == "value_error":
            cause = first["ctx"]["error"]
            hint, hide = getattr(cause, "hint", None), getattr(cause, "hide", False)
            return self.problem("value does not fit", f"`{name}`: {cause}.", path, hint=hint, hide=hide)
        detail = f"`{name}` must be {' or '.join(wanted)}; it is {_shown(value)}."
        return self.problem("value does not fit", detail, path)

    def _unknown(self, path: Path, name: str) -> Problem:
        known = fields_at(self.name, self.data, path[:-1])
        part = ".".join(str(p) for p in path[:-1])
        owner = f"{self.owner}'s {part}" if part else self.owner
        hint = near(str(path[-1]), known)
        detail = f"`{name}` is not a field of {owner}."
        if hint is None and known:
            detail += f" There are: {', '.join(known)}."
        return self.problem("unknown field", detail, path, hint=hint, key=True)

    def _choices(self, details: list[Any]) -> list[str]:
        found: list[str] = []
        for one in details:
            context = one.get("ctx", {})
            text = context.get("expected") or context.get("expected_tags") or ""
            found += [part.strip().strip("'\"") for part in text.replace(" or ", ", ").split(",") if part.strip()]
            if one["type"] == "union_tag_not_found":
                return []
        return list(dict.fromkeys(found))

    def _choose(self, path: Path, name: str, value: Any, choices: list[str]) -> Problem:
        if isinstance(value, dict):
            tag = next((key for key in ("name", "by", "target") if key in value), None)
            if tag is None:
                detail = f"`{name}` needs `name` or `by`, to say which it is: {', '.join(choices)}."
                return self.problem("missing field", detail, path)
            path, name, value = (*path, tag), f"{name}.{tag}".lstrip("."), value[tag]
        detail = f"`{name}` is {_shown(value)}; it must be one of {', '.join(choices)}."
        return self.problem("no such choice", detail, path, hint=near(str(value), choices))

    def _wanted(self, one: Any) -> str:
        context = one.get("ctx", {})
        match one["type"]:
            case "greater_than_equal":
                return f"at least {context['ge']}"
            case "greater_than":
                return f"more than {context['gt']}"
            case "less_than_equal":
                return f"at most {context['le']}"
            case "less_than":
                return f"less than {context['lt']}"
            case "string_pattern_mismatch":
                return f"text of the form {context['pattern']}"
            case "literal_error":
                return str(context["expected"]).replace("'", "`")
            case "too_short" | "string_too_short" | "missing":
                return "given in full; something of it is missing"
            case "too_long" | "unexpected_positional_argument":
                return "shorter"
            case "union_tag_not_found":
                return "told which it is, by its field " + str(context.get("discriminator", "name"))
            case other:
                return _WANTED.get(other, str(one["msg"]).lower().removeprefix("input should be "))

    def _value(self, path: Path) -> Any:
        value = self.data
        for part in path:
            try:
                value = value[part]
            except (KeyError, IndexError, TypeError):
                return None
        return value

    def _keys(self, path: Path) -> list[str]:
        value = self._value(path)
        return [str(key) for key in value] if isinstance(value, dict) else []


def _shown(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case dict():
            return "a mapping"
        case list():
            return f"a list of {len(value)}"
        case str():
            return f"the text `{value[:60]}`"
        case bool():
            return str(value).lower()
        case _:
            return f"`{value}`"
