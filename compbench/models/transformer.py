"""A small transformer that reads a text and tells its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from compbench.contracts import ModelFamily, Signature
from compbench.contracts.inputs import MASK, TOKENS
from compbench.toolkit.attention_options import AttentionOptions

if TYPE_CHECKING:
    from torch import nn


class Model(AttentionOptions, ModelFamily):
    """Embeddings of tokens and places, blocks of attention, the mean over a text, a linear layer.

    What is filled up changes nothing. Source: Vaswani et al., arXiv:1706.03762 (its encoder).
    """

    width: int = Field(default=64, ge=1, description="numbers that stand for a token")
    layers: int = Field(default=2, ge=1, description="blocks of attention")

    def build(self, signature: Signature) -> nn.Module:
        """Tokens and mask (N, L) -> logits (N, classes)."""
        import torch
        from torch import Tensor, nn

        from compbench.toolkit.attention import HIDDEN, Block

        size = signature.values(TOKENS, MASK)
        (length,) = signature.inputs[TOKENS].shape
        family = self

        class Transformer(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(size, family.width)
                self.places = nn.Parameter(0.02 * torch.randn(length, family.width))
                self.dropout = nn.Dropout(family.dropout)
                self.blocks = nn.ModuleList(
                    Block(family.width, family.heads, family.dropout) for _ in range(family.layers)
                )
                self.norm = nn.LayerNorm(family.width)
                self.head = nn.Linear(family.width, signature.outputs)

            def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
                seen = mask.to(torch.float32)
                bias = (1 - seen)[:, None, None] * HIDDEN
                x = self.dropout(self.embedding(tokens) + self.places[: tokens.shape[1]])
                for block in self.blocks:
                    x = block(x, bias)
                total = (self.norm(x) * seen.unsqueeze(-1)).sum(1)
                return self.head(total / seen.sum(1, keepdim=True))

        return Transformer()
