"""The random states of a process as tensors and plain values, which files can hold."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class States:
    """Torch's on all devices and NumPy's legacy one as tensors; the rest as JSON has it."""

    tensors: dict[str, Tensor]
    plain: dict[str, Any]


def states() -> States:
    """All global ones as they are now."""
    name, keys, *numpys = np.random.get_state(legacy=True)
    tensors = {"torch": torch.get_rng_state(), "numpy": torch.from_numpy(np.array(keys))}
    if torch.cuda.is_initialized():
        for index, state in enumerate(torch.cuda.get_rng_state_all()):
            tensors[f"cuda {index}"] = state
    return States(tensors, {"numpy": [name, *numpys], "python": random.getstate()})


def restore(found: States) -> None:
    """Make the global ones so."""
    torch.set_rng_state(found.tensors["torch"])
    name, *numpys = found.plain["numpy"]
    np.random.set_state((name, found.tensors["numpy"].numpy(), *numpys))
    version, values, gauss = found.plain["python"]
    random.setstate((version, tuple(values), gauss))
    cuda = [state for name, state in found.tensors.items() if name.startswith("cuda")]
    if cuda:
        torch.cuda.set_rng_state_all(cuda)
