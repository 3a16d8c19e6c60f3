"""Keep the weights of the best epochs for people.

Lives here: keep_best.
Not here: which epoch's weights are the model's (learner), which epochs are the best (epochs).
Law: what is kept lies in the folder of the run, is no output, and is never more than was asked for.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file

from mlops.workloads.training.families.network.epochs import Epochs

BEST = "best"


def keep_best(run: Path, epochs: Epochs, network: torch.nn.Module, count: int) -> None:
    """Write best/epoch-N.safetensors of the last epoch where it is one of the best, and remove what is so no more. `run`: folder
    of the run. N counts from 1."""
    ranked, last = epochs.ranked()[:count], len(epochs.history) - 1
    folder = run / BEST
    folder.mkdir(parents=True, exist_ok=True)
    if last in ranked:
        state = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
        save_file(dict(sorted(state.items())), folder / f"epoch-{last + 1}.safetensors")
    kept = {f"epoch-{number + 1}.safetensors" for number in ranked}
    for path in folder.iterdir():
        if path.name not in kept:
            path.unlink()
