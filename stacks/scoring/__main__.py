"""Score one batch.

Run by `pulumi up` in this folder, or by mlops, which gives the same text to the same program.
"""

import sys
from pathlib import Path

if (root := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.insert(0, root)

from mlops.contracts.scoring_job import ScoringInputs
from stacks.objects.inputs import Secrets, read_inputs
from stacks.objects.placement import Placement
from stacks.scoring.batch import score

inputs = read_inputs(ScoringInputs)
score(inputs, Placement(inputs), Secrets(inputs))
