"""Options that nets of attention share."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from compbench.contracts import Options


class AttentionOptions(Options):
    """Blocks of attention (`toolkit.attention.Block`): how wide, and in how many parts."""

    width: int = Field(default=64, ge=1, description="numbers that stand for a token")
    heads: int = Field(default=4, ge=1, description="heads of attention, a part of the width each")
    dropout: float = Field(default=0.1, ge=0, lt=1, description="after each part of a block")

    @model_validator(mode="after")
    def _divides(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"width = {self.width} is no multiple of heads = {self.heads}")
        return self
