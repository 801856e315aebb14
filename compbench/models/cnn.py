"""A plain convolutional net: the default teacher, and with fewer channels an assistant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, PositiveInt

from compbench.contracts import ModelFamily, Signature

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """[3×3 convolution, ReLU, 2×2 max pooling] for each entry of `channels`; two linear layers."""

    channels: tuple[PositiveInt, ...] = Field(
        default=(32, 64), min_length=1, description="output channels of each convolution"
    )
    hidden: int = Field(default=128, ge=1, description="width of the hidden linear layer")

    def build(self, signature: Signature) -> nn.Module:
        """Images (N, C, H, W) -> logits (N, classes)."""
        from torch import nn

        shape, classes = signature.image, signature.outputs
        layers: list[nn.Module] = []
        inputs, height, width = shape
        for outputs in self.channels:
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            inputs, height, width = outputs, height // 2, width // 2
        if min(height, width) < 1:
            raise ValueError(f"{len(self.channels)} poolings leave nothing of an image {shape}")
        layers += [nn.Flatten(), nn.Linear(inputs * height * width, self.hidden), nn.ReLU()]
        net = nn.Sequential(*layers, nn.Linear(self.hidden, classes))
        return signature.taking_image(net)
