"""Blocks of transformers as plain linear layers, which every technique can change and export."""

from __future__ import annotations

from math import sqrt

from torch import Tensor, cat, nn

Past = tuple[Tensor, Tensor]  # keys and values (N, heads, L, …) of tokens that were read
HIDDEN = -1e4  # added to the scores of what is not to be seen; float16 has it


class Attention(nn.Module):
    """Attention of several heads over x (N, L, width); `bias` (…, L, L) is added to its scores.

    Source: Vaswani et al., "Attention Is All You Need", arXiv:1706.03762, section 3.2.
    """

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.queries, self.keys = nn.Linear(width, width), nn.Linear(width, width)
        self.values, self.out = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """(N, L, width) -> the same shape."""
        return self._mixed(*self._parts(x), bias)

    def read_on(self, x: Tensor, past: Past | None, bias: Tensor) -> tuple[Tensor, Past]:
        """What comes after `past`, the keys and values (N, heads, L, …) of what was before it.

        `bias` (…, T, L + T) is added to the scores. Gives also the keys and values of all.
        """
        queries, keys, values = self._parts(x)
        if past is not None:
            keys, values = cat([past[0], keys], 2), cat([past[1], values], 2)
        return self._mixed(queries, keys, values, bias), (keys, values)

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (N, heads, L, …)."""
        queries, keys, values = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.queries, self.keys, self.values)
        )
        return queries, keys, values

    def _mixed(self, queries: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
        scores = queries @ keys.transpose(-1, -2) / sqrt(queries.shape[-1])
        mixed = (scores + bias).softmax(-1) @ values
        return self.out(mixed.transpose(1, 2).flatten(-2))


class Block(nn.Module):
    """Attention and a feed-forward net of four times the width, each around a way past it.

    Normalised before each of them (Xiong et al., arXiv:2002.04745), which trains without warm-up.
    """

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.before_attention, self.before_mlp = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        """(N, L, width) -> the same shape."""
        x = x + self.dropout(self.attention(self.before_attention(x), bias))
        return x + self.dropout(self.mlp(self.before_mlp(x)))

    def read_on(self, x: Tensor, past: Past | None, bias: Tensor) -> tuple[Tensor, Past]:
        """The same of what comes after `past`: see `Attention.read_on`."""
        mixed, past = self.attention.read_on(self.before_attention(x), past, bias)
        x = x + self.dropout(mixed)
        return x + self.dropout(self.mlp(self.before_mlp(x))), past
