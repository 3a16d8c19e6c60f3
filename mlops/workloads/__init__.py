"""What runs in stages, servers and pods.

Lives here: one room each for data, features, training, serving and monitoring.
Not here: planning or applying; the control plane never imports this package.
Law: rooms meet the control plane at a process boundary and at files, and each other only through `features`.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
"""onnxruntime sends what it runs to its maker unless this is set before it is imported (since 1.29)."""
