"""Texts whose law is known: each token is drawn by the one before it, as a Markov chain says."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from compbench.contracts import Input, Signature, Split, TrainingData
from compbench.contracts.inputs import TOKENS
from compbench.data.splits import Data
from compbench.tasks import next_token


def chain(values: int, seed: int = 0) -> NDArray[np.float64]:
    """Chances (V, V) of each next token after each token, none of them small."""
    weights = np.random.default_rng(seed).uniform(0.2, 1, (values, values)) ** 3
    return weights / weights.sum(1, keepdims=True)


def written(chances: NDArray[np.float64], count: int, length: int, seed: int) -> NDArray[np.int64]:
    """Texts (count, length), whose first tokens are all as likely."""
    random = np.random.default_rng(seed)
    found = np.empty((count, length), np.int64)
    found[:, 0] = random.integers(0, len(chances), count)
    sums = chances.cumsum(1)
    for place in range(1, length):
        drawn = random.random((count, 1))
        found[:, place] = (sums[found[:, place - 1], :-1] < drawn).sum(1)
    return found


def split(texts: NDArray[np.int64]) -> Split:
    """Each token of texts (N, L + 1) and the one after it."""
    return Split({TOKENS: texts[:, :-1].copy()}, texts[:, 1:].copy())


def data(values: int = 6, length: int = 12, count: int = 40, free: bool = False) -> Data:
    """Few texts of a chain, of which no two splits have the same."""
    chances = chain(values)
    parts = [split(written(chances, count, length + 1, seed)) for seed in range(3)]
    axes = (0,) if free else ()
    signature = Signature(
        {TOKENS: Input("int64", (length,), free_axes=axes, values=values)}, values
    )
    return Data(TrainingData(parts[0], parts[1], next_token.Task(), signature), parts[2])
