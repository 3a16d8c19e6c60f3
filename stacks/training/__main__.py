"""Run one training.

Run by `pulumi up` in this folder, or by mlops, which gives the same text to the same program.
"""

import sys
from pathlib import Path

if (root := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.insert(0, root)

from mlops.contracts.training_job import TrainingInputs
from stacks.objects.inputs import Secrets, read_inputs
from stacks.objects.placement import Placement
from stacks.training.run import run_job

inputs = read_inputs(TrainingInputs)
run_job(inputs, Placement(inputs), Secrets(inputs))
