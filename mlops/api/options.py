"""Say how to plan.

Lives here: Options, what a user asks of one plan besides the spec, and its form in a saved plan.
Not here: what follows from it (engine.selection, project).
Law: a saved plan is made again with the options that it was made with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mlops.address import Address
from mlops.api.configuration import parse_address
from mlops.config.schema.category import Category
from mlops.context.effects import effect_of
from mlops.engine.selection import Selection


@dataclass(frozen=True)
class Options:
    """Addresses as text. `back`: ADDRESS@SERIAL of each whose inputs are those that were recorded then. Without
    `preflight`, what is in the way of a change is left for apply to meet."""

    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    refresh: bool = True
    destroy: bool = False
    preflight: bool = True

    def to_extra(self) -> dict[str, str]:
        lists = {"targets": self.targets, "exclude": self.exclude, "replace": self.replace, "back": self.back}
        told = {name: " ".join(words) for name, words in lists.items() if words}
        flags = {"destroy": self.destroy, "no_refresh": not self.refresh, "no_preflight": not self.preflight}
        return told | {name: "true" for name, is_set in flags.items() if is_set}

    @classmethod
    def of_extra(cls, extra: Mapping[str, str]) -> Options:
        targets, exclude, replace, back = (
            tuple(extra.get(name, "").split()) for name in ("targets", "exclude", "replace", "back")
        )
        return cls(
            targets, exclude, replace, back, "no_refresh" not in extra, "destroy" in extra, "no_preflight" not in extra
        )

    def words(self) -> list[str]:
        """As on the command line."""
        return [
            f"--{name} {word}" for name, told in (("target", self.targets), ("exclude", self.exclude), ("replace", self.replace))
            for word in told
        ] + ([] if self.preflight else ["--no-preflight"])  # fmt: skip

    def selection(self, known: Iterable[Address], forget: Iterable[str]) -> Selection:
        """Raises MlopsError for an address that there is not."""
        there = list(known)
        targets, exclude, replace = (
            [parse_address(text, there) for text in texts] for texts in (self.targets, self.exclude, self.replace)
        )
        left = effect_of(Category.METADATA)
        return Selection(targets, exclude, replace, {Address.parse(text): left for text in forget})
