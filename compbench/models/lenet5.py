"""LeNet-5 as Caffe ships it: the net that most pruning papers report on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from compbench.contracts import ModelFamily, Signature

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """5×5 convolutions of 20 and 50 channels with 2×2 max pooling, then 500 hidden units.

    431,080 parameters on 28×28 grey images. Source: Caffe, examples/mnist/lenet.prototxt, after
    LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    """

    def build(self, signature: Signature) -> nn.Module:
        """Images (N, C, H, W) -> logits (N, classes)."""
        from torch import nn

        shape, classes = signature.image, signature.outputs
        height, width = (((side - 4) // 2 - 4) // 2 for side in shape[1:])
        if min(height, width) < 1:
            raise ValueError(f"lenet5 needs images of 16×16 or more, got {shape}")
        net = nn.Sequential(
            nn.Conv2d(shape.channels, 20, 5),
            nn.MaxPool2d(2),
            nn.Conv2d(20, 50, 5),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(50 * height * width, 500),
            nn.ReLU(),
            nn.Linear(500, classes),
        )
        return signature.taking_image(net)
