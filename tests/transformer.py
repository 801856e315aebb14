"""A small vision transformer, whose half-precision file ends ONNX Runtime with a segfault."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from compbench.contracts import ModelFamily, Signature

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """Patches of 4 × 4 pixels, a class token, and one pre-norm block of attention and GELU."""

    libraries: ClassVar[tuple[str, ...]] = ("torch",)

    def build(self, signature: Signature) -> nn.Module:
        import torch
        from torch import Tensor, nn

        shape, classes = signature.image, signature.outputs

        class Transformer(nn.Module):
            def __init__(self, size: int = 32, patch: int = 4):
                super().__init__()
                count = (shape.height // patch) * (shape.width // patch)
                self.patches = nn.Conv2d(shape.channels, size, patch, patch)
                self.token = nn.Parameter(torch.zeros(1, 1, size))
                self.places = nn.Parameter(0.02 * torch.randn(1, count + 1, size))
                self.before, self.between = nn.LayerNorm(size), nn.LayerNorm(size)
                self.attention = nn.MultiheadAttention(size, 2, batch_first=True)
                self.mlp = nn.Sequential(
                    nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size)
                )
                self.after, self.head = nn.LayerNorm(size), nn.Linear(size, classes)

            def forward(self, images: Tensor) -> Tensor:
                x = self.patches(images).flatten(2).transpose(1, 2)
                x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
                y = self.before(x)
                x = x + self.attention(y, y, y, need_weights=False)[0]
                x = x + self.mlp(self.between(x))
                return self.head(self.after(x)[:, 0])

        return Transformer()
