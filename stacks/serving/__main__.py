"""Serve one endpoint.

Run by `pulumi up` in this folder, or by mlops, which gives the same text to the same program.
"""

import sys
from pathlib import Path

if (root := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.insert(0, root)

import pulumi

from mlops.contracts.serving_pods import ServingInputs
from stacks.objects.inputs import Secrets, read_inputs
from stacks.objects.placement import Placement
from stacks.serving.endpoint import serve

inputs = read_inputs(ServingInputs)
for name, value in serve(inputs, Placement(inputs), Secrets(inputs)).items():
    pulumi.export(name, value)
