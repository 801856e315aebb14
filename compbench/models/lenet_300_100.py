"""LeNet-300-100: the fully connected net that most pruning papers report on."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from compbench.contracts import ModelFamily, Signature

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """Two hidden layers of 300 and 100 units; 266,610 parameters on 28×28 grey images.

    Source: LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    """

    def build(self, signature: Signature) -> nn.Module:
        """Images (N, C, H, W) -> logits (N, classes)."""
        from torch import nn

        shape, classes = signature.image, signature.outputs
        net = nn.Sequential(
            nn.Flatten(),
            nn.Linear(prod(shape), 300),
            nn.ReLU(),
            nn.Linear(300, 100),
            nn.ReLU(),
            nn.Linear(100, classes),
        )
        return signature.taking_image(net)
