"""Noise that is added to each value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compbench.contracts import Input, Inputs, ShiftBase, TrainingData
from compbench.contracts.inputs import Array
from compbench.contracts.shift import Change, is_numeric, like, moments

# standard deviations as shares of the range, at severities 0 to 5
_LEVELS = (0, 0.04, 0.06, 0.08, 0.09, 0.10)
_SPREAD = 0.25  # of CIFAR-10's pixels, in which the levels are read where there is no range


class Shift(ShiftBase):
    """Gaussian noise on images, and on numbers beside how much these vary.

    Pixels of 0 to 1 get a standard deviation of 0.04, 0.06, 0.08, 0.09, 0.10 by severity, as
    CIFAR-10-C has it (Hendrycks & Dietterich 2019, arXiv:1903.12261). What has no range, as
    features and sounds, gets four times as many standard deviations of its own over the training
    split, since those of CIFAR-10's pixels are 0.25: 0.16 to 0.40 of a feature's, or of all of a
    sound's values. Integers that stand for something, as tokens do, stay.
    """

    def misfit(self, inputs: Mapping[str, Input]) -> str | None:
        """Tokens have no values between them."""
        if any(one.is_image or is_numeric(one) for one in inputs.values()):
            return None
        return "changes pixels of uint8 and numbers of floats"

    def begin(self, data: TrainingData) -> Change:
        """The spread of all that is neither pixels nor tokens is found first."""
        inputs = data.signature.inputs
        scales: dict[str, Array] = {}
        for name, one in inputs.items():
            if one.is_image:
                scales[name] = np.array(255.0)
            elif is_numeric(one):
                scales[name] = moments(data, name, whole=one.rate is not None)[1] / _SPREAD

        def change(raw: Inputs, severity: int, random: np.random.Generator) -> dict[str, Array]:
            found = dict(raw)
            for name, scale in scales.items():
                noise = random.standard_normal(raw[name].shape, np.float32)
                found[name] = like(raw[name], raw[name] + _LEVELS[severity] * scale * noise)
            return found

        return change
