"""Say what the files of a kind may say.

Lives here: the base of the model, its fields, their units and categories, under names that are kept.
Not here: what a kind does (kind).
Law: imports pydantic, so a kind imports this from the module of its model alone.
"""

from mlops.config.schema.base import Resource as Resource
from mlops.config.schema.base import SecretText as SecretText
from mlops.config.schema.base import Strict as Strict
from mlops.config.schema.base import spec_field as spec_field
from mlops.config.schema.category import Category as Category
from mlops.config.schema.units import Duration as Duration
from mlops.config.schema.units import Rate as Rate
from mlops.config.schema.units import Share as Share
from mlops.config.schema.units import Size as Size
