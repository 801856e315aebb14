"""Products in 16 bits while a net is trained, where the hardware has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from compbench.errors import JobFailed

FIRST_SCALE, GROWTH, BACKOFF, GROWTH_STEPS = 2.0**16, 2.0, 0.5, 2000  # as torch's GradScaler


class Precision:
    """How one training computes: plainly, or in 16 bits (Micikevicius et al., arXiv:1710.03740).

    On a GPU the loss of float16 is scaled, so that small gradients don't become zero; a step whose
    gradients are no numbers is left out, and the scale halved.
    """

    def __init__(self, kind: str, device: torch.device):
        """Raises JobFailed where the device can't do that in hardware."""
        if kind != "off" and not has(kind, device):
            place = "this GPU" if device.type == "cuda" else "this CPU"
            raise JobFailed(f"autocast = '{kind}': {place} has no arithmetic in {kind}")
        self.dtype = None if kind == "off" else getattr(torch, kind)
        self.device = device
        self.scale = FIRST_SCALE if kind == "float16" and device.type == "cuda" else 1.0
        self.good_steps = 0

    def context(self) -> AbstractContextManager[Any]:
        """Around a forward pass."""
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def plain(self, outputs: Tensor) -> Tensor:
        """Outputs as losses take them."""
        return outputs if self.dtype is None else outputs.to(torch.float32)

    def backward(self, value: Tensor) -> None:
        """Add a loss's gradients to the parameters'."""
        (value if self.scale == 1 else value * self.scale).backward()

    def unscaled(self, parameters: Sequence[Tensor]) -> bool:
        """Divide gradients by the scale; False where they are no numbers: leave the step out."""
        if self.scale == 1:
            return True
        gradients = [p.grad for p in parameters if p.grad is not None]
        for gradient in gradients:
            gradient.div_(self.scale)
        if not all(bool(gradient.isfinite().all()) for gradient in gradients):
            self.scale, self.good_steps = max(self.scale * BACKOFF, 2.0), 0
            return False
        self.good_steps += 1
        if self.good_steps == GROWTH_STEPS:
            self.scale, self.good_steps = self.scale * GROWTH, 0
        return True


def has(kind: str, device: torch.device) -> bool:
    """Whether a device multiplies numbers of that kind in hardware."""
    if device.type == "cuda":
        return kind == "float16" or torch.cuda.is_bf16_supported(including_emulation=False)
    support: Any = torch.cpu
    asked: tuple[Callable[[], bool], ...] = (
        (support._is_avx512_bf16_supported, support._is_amx_tile_supported)
        if kind == "bfloat16"
        else (support._is_amx_fp16_supported,)
    )
    return any(one() for one in asked)
