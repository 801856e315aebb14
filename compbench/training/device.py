"""Where nets are trained."""

from __future__ import annotations

import torch


def fastest_here() -> torch.device:
    """A GPU where there is one, made to give the same bits each time; else the CPU."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
    return torch.device("cuda")
