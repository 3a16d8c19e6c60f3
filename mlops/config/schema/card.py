"""Say what a card of a model or a data set tells people.

Lives here: Card, and DatasetCard.
Not here: what is measured and recorded (registry, api.card), drawing (render).
Law: nothing here changes what is made, so every field means METADATA.
"""

from __future__ import annotations

from mlops.config.schema.base import Strict, spec_field
from mlops.config.schema.category import Category


class Card(Strict):
    """What people should know, and no program can find out."""

    intended_use: str = spec_field("", doc="What it is made for, and for whom.", change=Category.METADATA)
    not_for: tuple[str, ...] = spec_field((), doc="Uses that it is not made for.", change=Category.METADATA)
    limits: tuple[str, ...] = spec_field(
        (), doc="Where it is known to be weak, such as rows that it never saw.", change=Category.METADATA
    )
    license: str = spec_field(
        "", doc="Under which terms it may be used: a name of SPDX, or an address.", change=Category.METADATA
    )
    citation: str = spec_field("", doc="How to cite it.", change=Category.METADATA)
    watts: float | None = spec_field(
        None,
        doc="What the machine that trains draws, to say the energy of a training from its time. Default: energy is not said.",
        change=Category.METADATA,
        gt=0,
    )


class DatasetCard(Strict):
    """What people should know, and no program can find out; what Croissant asks for besides."""

    intended_use: str = spec_field("", doc="What it is made for, and for whom.", change=Category.METADATA)
    not_for: tuple[str, ...] = spec_field((), doc="Uses that it is not made for.", change=Category.METADATA)
    limits: tuple[str, ...] = spec_field(
        (), doc="What is missing or wrong in it, such as who is not in it.", change=Category.METADATA
    )
    license: str = spec_field(
        "", doc="Under which terms it may be used: a name of SPDX, or an address.", change=Category.METADATA
    )
    citation: str = spec_field("", doc="How to cite it, as BibTeX or as a sentence.", change=Category.METADATA)
    url: str = spec_field("", doc="Where people find out about it.", change=Category.METADATA)
    creators: tuple[str, ...] = spec_field((), doc="Who made it.", change=Category.METADATA)
    published: str = spec_field("", doc="When it was published, such as 2014-07-01.", change=Category.METADATA)
