"""The student of this example: a small net of depthwise convolutions."""

from __future__ import annotations

from torch import Tensor, nn


class Separable(nn.Module):
    """MobileNet's blocks (arXiv:1704.04861, table 1) for pictures of 32×32, a tenth as wide.

    A 3×3 convolution, then pairs of a 3×3 one in each channel and a 1×1 one over the channels;
    every other pair halves the picture and doubles the channels.
    """

    def __init__(self, num_classes: int, channels: int = 3, width: int = 24, pairs: int = 6):
        super().__init__()
        layers = _convolution(channels, width, 3)
        for index in range(pairs):
            halves = index % 2 == 0
            wider = 2 * width if halves else width
            layers += _convolution(width, width, 3, stride=2 if halves else 1, groups=width)
            layers += _convolution(width, wider, 1)
            width = wider
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pictures (N, C, H, W) -> logits (N, num_classes)."""
        return self.classifier(self.features(pixels).mean((2, 3)))


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]
