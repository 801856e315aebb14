"""The students of this example: of depthwise convolutions, and on half the picture's size."""

from __future__ import annotations

from torch import Tensor, nn, relu


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


class Halved(nn.Module):
    """MLPerf Tiny's ResNet-8 (arXiv:2106.07597), whose first convolution halves the picture.

    So all later ones have a quarter of the places: as wide as the teacher, at a quarter of its
    multiplications.
    """

    def __init__(self, num_classes: int, channels: int = 3, width: int = 32):
        super().__init__()
        self.features = nn.Sequential(
            *_convolution(channels, width, 3, stride=2),
            _Residual(width, width, 1),
            _Residual(width, 2 * width, 2),
            _Residual(2 * width, 4 * width, 2),
        )
        self.classifier = nn.Linear(4 * width, num_classes)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pictures (N, C, H, W) -> logits (N, num_classes)."""
        return self.classifier(self.features(pixels).mean((2, 3)))


class _Residual(nn.Module):
    """Two 3×3 convolutions, and a way around them (He et al., arXiv:1512.03385)."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        first = _convolution(inputs, outputs, 3, stride=stride)
        second = _convolution(outputs, outputs, 3)[:-1]  # the sum goes through the ReLU
        self.body = nn.Sequential(*first, *second)
        stays = inputs == outputs and stride == 1
        self.around = nn.Identity() if stays else nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return relu(self.body(x) + self.around(x))


def _convolution(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    ]
