"""The residual net of MLPerf Tiny's image classification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from compbench.contracts import ModelFamily, Signature

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """A 3×3 convolution, three residual blocks of two each, global mean pooling, a linear layer.

    Batch normalisation after each 3×3 convolution; the second and third block halve the picture and
    double the channels, with a strided 1×1 convolution on the way around. 78 k parameters at the
    default width on 32×32 colour images. Source: Banbury et al., "MLPerf Tiny Benchmark",
    arXiv:2106.07597; He et al., arXiv:1512.03385.
    """

    width: int = Field(default=16, ge=1, description="channels of the first block")

    def build(self, signature: Signature) -> nn.Module:
        """Images (N, C, H, W) -> logits (N, classes)."""
        from torch import nn

        shape, classes = signature.image, signature.outputs
        if min(shape.height, shape.width) < 4:
            raise ValueError(f"resnet8 needs images of 4×4 or more, got {shape}")
        net = nn.Sequential(
            _convolution(shape.channels, self.width, 3),
            nn.ReLU(),
            _block(self.width, self.width, 1),
            _block(self.width, 2 * self.width, 2),
            _block(2 * self.width, 4 * self.width, 2),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4 * self.width, classes),
        )
        return signature.taking_image(net)


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Sequential:
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


def _block(inputs: int, outputs: int, stride: int) -> nn.Module:
    """relu(body(x) + around(x)); `around` is the identity where shapes stay."""
    import torch
    from torch import nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Sequential(
                _convolution(inputs, outputs, 3, stride),
                nn.ReLU(),
                _convolution(outputs, outputs, 3),
            )
            stays = inputs == outputs and stride == 1
            self.around = nn.Identity() if stays else nn.Conv2d(inputs, outputs, 1, stride)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.relu(self.body(x) + self.around(x))

    return Block()
