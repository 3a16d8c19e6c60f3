"""Say what a target does.

Lives here: Target and Hosted, and the words that a target speaks in.
Not here: what its stacks say (fields), the built-in targets (mlops.targets).
Law: the names of this module are kept from version to version.
"""

from mlops.context.context import Context as Context
from mlops.context.status import Status as Status
from mlops.engine.resource import Observed as Observed
from mlops.engine.resource import Outcome as Outcome
from mlops.engine.resource import Reason as Reason
from mlops.engine.resource import Stale as Stale
from mlops.rollout.version_identity import served_outputs as served_outputs
from mlops.rollout.version_identity import version_key as version_key
from mlops.targets.target import Hosted as Hosted
from mlops.targets.target import Target as Target
from mlops.targets.target import stack_inputs as stack_inputs
