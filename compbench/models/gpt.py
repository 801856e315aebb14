"""A small transformer that tells the next token of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import Field

from compbench.contracts import ModelFamily, Signature
from compbench.contracts.inputs import TOKENS
from compbench.toolkit.attention_options import AttentionOptions

if TYPE_CHECKING:
    from torch import nn


class Model(AttentionOptions, ModelFamily):
    """Embeddings of tokens and places, blocks of attention to what came before, a linear layer.

    Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners", 2019 (GPT-2).
    """

    width: int = Field(default=128, ge=1, description="numbers that stand for a token")
    layers: int = Field(default=4, ge=1, description="blocks of attention")
    tied: bool = Field(
        default=False, description="whether the last layer has the weights of the embedding"
    )

    def build(self, signature: Signature) -> nn.Module:
        """Tokens (N, L) -> logits (N, L, vocabulary)."""
        import torch
        from torch import Tensor, nn

        from compbench.toolkit.attention import HIDDEN, Block

        size = signature.values(TOKENS)
        (length,) = signature.inputs[TOKENS].shape
        family = self

        class GPT(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(size, family.width)
                nn.init.normal_(self.embedding.weight, std=0.02)
                self.places = nn.Parameter(0.02 * torch.randn(length, family.width))
                self.dropout = nn.Dropout(family.dropout)
                self.blocks = nn.ModuleList(
                    Block(family.width, family.heads, family.dropout) for _ in range(family.layers)
                )
                self.norm = nn.LayerNorm(family.width)
                self.head = nn.Linear(family.width, signature.outputs, bias=False)
                if family.tied:
                    self.head.weight = self.embedding.weight
                later = torch.ones(length, length).triu(1) * HIDDEN
                self.later: Tensor
                self.register_buffer("later", later, persistent=False)

            def forward(self, tokens: Tensor) -> Tensor:
                count = tokens.shape[1]
                x = self.dropout(self.embedding(tokens) + self.places[:count])
                for block in self.blocks:
                    x = block(x, self.later[:count, :count])
                return self.head(self.norm(x))

            def read_on(
                self, tokens: Tensor, past: Sequence[Tensor] | None
            ) -> tuple[Tensor, list[Tensor]]:
                """Go on after what was read: `toolkit.decoding.ReadsOn`."""
                done = past[0].shape[2] if past else 0
                all_read = done + tokens.shape[1]
                x = self.dropout(self.embedding(tokens) + self.places[done:all_read])
                kept: list[Tensor] = []
                for number, block in enumerate(self.blocks):
                    assert isinstance(block, Block)
                    own = (past[2 * number], past[2 * number + 1]) if past else None
                    x, own = block.read_on(x, own, self.later[done:all_read, :all_read])
                    kept += own
                return self.head(self.norm(x)), kept

        return GPT()
