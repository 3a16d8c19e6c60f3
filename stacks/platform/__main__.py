"""Lay the ground of a namespace.

Run by `pulumi up` in this folder, or by mlops, which gives the same text to the same program.
"""

import sys
from pathlib import Path

if (root := str(Path(__file__).resolve().parents[2])) not in sys.path:
    sys.path.insert(0, root)

from mlops.contracts.platform import PlatformInputs
from stacks.objects.inputs import read_inputs
from stacks.objects.placement import Placement
from stacks.platform.namespace import lay_ground

inputs = read_inputs(PlatformInputs)
lay_ground(inputs, Placement(inputs))
