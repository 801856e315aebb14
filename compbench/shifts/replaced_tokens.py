"""Texts with wrong words in them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compbench.contracts import Input, Inputs, ShiftBase, TrainingData
from compbench.contracts.inputs import MASK, Array
from compbench.contracts.shift import Change

_LEVELS = (0, 0.05, 0.1, 0.2, 0.3, 0.4)  # of all tokens, at severities 0 to 5


class Shift(ShiftBase):
    """Each token is another one with a chance of 0.05, 0.1, 0.2, 0.3, 0.4 by severity.

    The other one is drawn from the training split's tokens, the frequent ones more often. What
    fills up a text, where its mask is 0, stays. The chances are compbench's own.
    """

    def misfit(self, inputs: Mapping[str, Input]) -> str | None:
        """Only what has a vocabulary."""
        if any(map(_is_text, inputs, inputs.values())):
            return None
        return "changes tokens (L,) of a vocabulary"

    def begin(self, data: TrainingData) -> Change:
        """The tokens of the training split are counted first."""
        inputs = data.signature.inputs
        shares = {n: _shares(data, n) for n, one in inputs.items() if _is_text(n, one)}

        def change(raw: Inputs, severity: int, random: np.random.Generator) -> dict[str, Array]:
            found = dict(raw)
            for name, share in shares.items():
                tokens = raw[name]
                is_wrong = (random.random(tokens.shape) < _LEVELS[severity]) & _there(raw, tokens)
                others = random.choice(len(share), tokens.shape, p=share)
                found[name] = np.where(is_wrong, others, tokens).astype(tokens.dtype)
            return found

        return change


def _is_text(name: str, one: Input) -> bool:
    return one.values is not None and len(one.shape) == 1 and name != MASK


def _there(raw: Inputs, tokens: Array) -> Array:
    """Where tokens are none that fill up."""
    mask = raw.get(MASK)
    if mask is None or mask.shape != tokens.shape:
        return np.ones(tokens.shape, bool)
    return mask != 0


def _shares(data: TrainingData, name: str) -> Array:
    """How often each token of the vocabulary stands in the training split (V,)."""
    values = data.signature.inputs[name].values
    assert values is not None
    counts = sum(
        np.bincount(batch[name][_there(batch, batch[name])], minlength=values)
        for batch in data.train.chunks()
    )
    return np.asarray(counts) / np.sum(counts)
