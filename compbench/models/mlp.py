"""A feed-forward net without convolutions: the default student."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from compbench.contracts import ModelFamily, Signature

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """Linear layers with ReLU between them."""

    hidden: tuple[PositiveInt, ...] = Field(
        default=(128,), description="widths of the hidden layers"
    )

    def build(self, signature: Signature) -> nn.Module:
        """One input (N, …), flattened: images or features -> (N, outputs)."""
        from torch import nn

        if len(signature.inputs) != 1:
            raise ValueError(f"it takes one input, but there are {signature.listed}")
        ((_, one),) = signature.inputs.items()
        if one.prepared_dtype != "float32":
            raise ValueError(f"it takes images or features, but the input is {signature.listed}")
        shape, classes = one.shape, signature.outputs
        layers: list[nn.Module] = [nn.Flatten()]
        inputs = prod(shape)
        for outputs in self.hidden:
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
            inputs = outputs
        return nn.Sequential(*layers, nn.Linear(inputs, classes))
