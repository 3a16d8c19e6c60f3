"""Hold what a user asks of one plan.

Lives here: Options, with its form in a saved plan and on the command line.
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
    """What a plan covers, and how it looks. Addresses are text. `back`: ADDRESS@SERIAL of every resource to roll back,
    and nothing else, to what was recorded then. Without `preflight`, what is in the way of a change is left for apply to
    meet. `refresh_data`: remote sources are asked anew, whatever is pinned of them. `at_once`: what goes back does so in one
    move. `may_lose_data`: resources whose data the plan may delete."""

    targets: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    back: tuple[str, ...] = ()
    refresh: bool = True
    destroy: bool = False
    preflight: bool = True
    refresh_data: bool = False
    at_once: bool = False
    may_lose_data: tuple[str, ...] = ()

    def to_extra(self) -> dict[str, str]:
        """Return the form in which a saved plan keeps them."""
        lists = {"targets": self.targets, "exclude": self.exclude, "replace": self.replace, "back": self.back,
                 "may_lose_data": self.may_lose_data}  # fmt: skip
        texts = {name: " ".join(addresses) for name, addresses in lists.items() if addresses}
        flags = {"destroy": self.destroy, "no_refresh": not self.refresh, "no_preflight": not self.preflight,
                 "refresh_data": self.refresh_data, "at_once": self.at_once}  # fmt: skip
        return texts | {name: "true" for name, is_set in flags.items() if is_set}

    @classmethod
    def of_extra(cls, extra: Mapping[str, str]) -> Options:
        targets, exclude, replace, back, may_lose_data = (
            tuple(extra.get(name, "").split()) for name in ("targets", "exclude", "replace", "back", "may_lose_data")
        )
        return cls(
            targets, exclude, replace, back, "no_refresh" not in extra, "destroy" in extra, "no_preflight" not in extra,
            "refresh_data" in extra, "at_once" in extra, may_lose_data,
        )  # fmt: skip

    def to_arguments(self) -> list[str]:
        """Return them as they stand on the command line."""
        flags = {"--no-preflight": not self.preflight, "--refresh-data": self.refresh_data}
        return [
            f"--{name} {address}"
            for name, addresses in (
                ("target", self.targets), ("exclude", self.exclude), ("replace", self.replace),
                ("allow-data-loss", self.may_lose_data),
            )
            for address in addresses
        ] + [flag for flag, is_set in flags.items() if is_set]  # fmt: skip

    def selection(self, known: Iterable[Address], forget: Iterable[str]) -> Selection:
        """Return the selection of addresses. `forget`: those to take out of the state. Raises MlopsError for an address that is
        not in `known`."""
        addresses = list(known)
        targets, exclude, replace = (
            [parse_address(text, addresses) for text in texts] for texts in (self.targets, self.exclude, self.replace)
        )
        effect = effect_of(Category.METADATA)
        only = [Address.parse(step.partition("@")[0]) for step in self.back]
        return Selection(targets, exclude, replace, {Address.parse(text): effect for text in forget}, only)
