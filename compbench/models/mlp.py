"""A feed-forward net without convolutions: the default student."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from compbench.contracts import ModelFamily, Signature
from compbench.contracts.inputs import FEATURES

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """Linear layers with ReLU between them."""

    hidden: tuple[PositiveInt, ...] = Field(
        default=(128,), description="widths of the hidden layers"
    )

    def build(self, signature: Signature) -> nn.Module:
        """Images (N, C, H, W) or features (N, F) -> (N, outputs)."""
        from torch import nn

        one = signature.inputs.get(FEATURES)
        table = one if len(signature.inputs) == 1 else None
        shape = table.shape if table else signature.image
        layers: list[nn.Module] = [nn.Flatten()]
        inputs = prod(shape)
        for outputs in self.hidden:
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
            inputs = outputs
        net = nn.Sequential(*layers, nn.Linear(inputs, signature.outputs))
        return net if table else signature.taking_image(net)
