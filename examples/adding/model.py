"""Softmax regression: the least net that there is."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from compbench.contracts import ModelFamily, Signature

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """One linear layer on all pixels."""

    def build(self, signature: Signature) -> nn.Module:
        """Flatten, then the layer."""
        from torch import nn

        pixels = prod(signature.image)
        return nn.Sequential(nn.Flatten(), nn.Linear(pixels, signature.outputs))
