"""What runs in stages, servers and pods.

Lives here: one room each for data, features, training, serving and monitoring.
Not here: planning or applying; the control plane never imports this package.
Law: rooms meet the control plane at a process boundary and at files, and each other only through `features`.
"""

import os
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
"""onnxruntime sends what it runs to its maker unless this is set before it is imported (since 1.29)."""

if " avx512f " in (Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""):
    os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")
"""PyTorch's wider kernels round the last bit otherwise: with them, a machine that has AVX-512 and one that has AVX2 alone
would not write the same bytes. Read when PyTorch computes for the first time."""

os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
"""The same for oneDNN, which computes PyTorch's convolutions and some activations."""
