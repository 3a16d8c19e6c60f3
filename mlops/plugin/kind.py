"""Say what a kind does.

Lives here: BaseKind, which does what most kinds have in common, and the engine's types that its methods take and return.
Not here: what its files say (fields), the engine's side of the contract (engine.resource.Kind).
Law: the names of this module stay the same from version to version.
"""

from mlops.context.context import Context as Context
from mlops.context.status import Status as Status
from mlops.engine.resource import Observed as Observed
from mlops.engine.resource import Outcome as Outcome
from mlops.engine.resource import Reason as Reason
from mlops.engine.resource import Record as Record
from mlops.engine.resource import Stale as Stale
from mlops.engine.resource import Step as Step
from mlops.errors import MlopsError as MlopsError
from mlops.kinds.base import BaseKind as BaseKind
