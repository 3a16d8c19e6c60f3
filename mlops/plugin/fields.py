"""Say what the files of a kind may say.

Lives here: the base of the model, its fields, their units and categories, under names that are kept.
Not here: what a kind does (kind).
Law: imports pydantic, so a kind imports this from the module of its model alone.
"""

from mlops.spec.base import Resource as Resource
from mlops.spec.base import SecretText as SecretText
from mlops.spec.base import Strict as Strict
from mlops.spec.base import said as said
from mlops.spec.category import Category as Category
from mlops.spec.units import Duration as Duration
from mlops.spec.units import Rate as Rate
from mlops.spec.units import Share as Share
from mlops.spec.units import Size as Size
