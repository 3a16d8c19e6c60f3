"""Run one training.

Run by `pulumi up` in this folder, or by mlops, which gives the same text to the same program.
"""

import sys
from pathlib import Path

if (root := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.insert(0, root)

from mlops.spec.programs import TrainingInputs
from stacks.objects.place import Place
from stacks.objects.told import Secrets, inputs_of
from stacks.training.run import run_job

inputs = inputs_of(TrainingInputs)
run_job(inputs, Place(inputs), Secrets(inputs))
