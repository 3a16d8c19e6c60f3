"""Say what the files of a kind may say.

Lives here: the base of a kind's model, its fields, their units and categories.
Not here: what a kind does (kind).
Law: importing this imports pydantic, so only the module of a kind's model does so; its names stay the same from version
to version.
"""

from mlops.config.schema.base import Resource as Resource
from mlops.config.schema.base import SecretText as SecretText
from mlops.config.schema.base import Strict as Strict
from mlops.config.schema.base import spec_field as spec_field
from mlops.config.schema.category import Category as Category
from mlops.config.schema.targets.base import Incompatibility as Incompatibility
from mlops.config.schema.targets.base import StackUse as StackUse
from mlops.config.schema.targets.base import TargetSpec as TargetSpec
from mlops.config.schema.units import Duration as Duration
from mlops.config.schema.units import Rate as Rate
from mlops.config.schema.units import Share as Share
from mlops.config.schema.units import Size as Size
