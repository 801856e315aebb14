"""A small convolutional net for texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field, PositiveInt, field_validator

from compbench.contracts import ModelFamily, Signature
from compbench.contracts.inputs import MASK, TOKENS

if TYPE_CHECKING:
    from torch import nn


class Model(ModelFamily):
    """Embeddings, convolutions of several widths beside each other, their maximum over a text.

    What is filled up changes nothing. Source: Y. Kim, "Convolutional Neural Networks for Sentence
    Classification", arXiv:1408.5882.
    """

    embedding: int = Field(default=64, ge=1, description="numbers that stand for a token")
    channels: int = Field(default=64, ge=1, description="output channels of each convolution")
    widths: tuple[Annotated[PositiveInt, Field(le=31)], ...] = Field(
        default=(1, 3, 5),
        min_length=1,
        description="tokens that each convolution sees: odd",
    )
    dropout: float = Field(default=0.5, ge=0, lt=1, description="before the linear layer")

    @field_validator("widths")
    @classmethod
    def _odd(cls, widths: tuple[int, ...]) -> tuple[int, ...]:
        if not all(width % 2 for width in widths):
            raise ValueError(f"{list(widths)} should be odd numbers: a token in the middle")
        return widths

    def build(self, signature: Signature) -> nn.Module:
        """Tokens and mask (N, L) -> logits (N, classes)."""
        import torch
        from torch import Tensor, nn

        size = signature.values(TOKENS, MASK)
        family = self

        class TextCNN(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.embedding = nn.Embedding(size, family.embedding)
                self.convolutions = nn.ModuleList(
                    nn.Conv1d(family.embedding, family.channels, width, padding=width // 2)
                    for width in family.widths
                )
                self.dropout = nn.Dropout(family.dropout)
                self.head = nn.Linear(len(family.widths) * family.channels, signature.outputs)

            def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
                seen = mask.unsqueeze(1).to(torch.float32)
                x = self.embedding(tokens).transpose(1, 2) * seen
                found = [(torch.relu(one(x)) * seen).amax(-1) for one in self.convolutions]
                return self.head(self.dropout(torch.cat(found, 1)))

        return TextCNN()
