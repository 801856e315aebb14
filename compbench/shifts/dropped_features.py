"""Features of which nothing is known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from compbench.contracts import Input, Inputs, ShiftBase, TrainingData
from compbench.contracts.inputs import Array
from compbench.contracts.shift import Change, is_table, moments

_LEVELS = (0, 0.1, 0.2, 0.3, 0.4, 0.5)  # of all features, at severities 0 to 5


class Shift(ShiftBase):
    """Each feature of a table is lost with a chance of 0.1, 0.2, 0.3, 0.4, 0.5 by severity.

    In its place is its mean over the training split, as the dataset `table` fills empty fields
    with `missing = "mean"`: models take no NaN. The chances are compbench's own.
    """

    def misfit(self, inputs: Mapping[str, Input]) -> str | None:
        """Pixels and sounds are no features: their neighbours tell them."""
        if any(is_table(one) for one in inputs.values()):
            return None
        return "changes features (F,) of floats"

    def begin(self, data: TrainingData) -> Change:
        """The means are found first."""
        inputs = data.signature.inputs
        means = {n: moments(data, n)[0] for n, one in inputs.items() if is_table(one)}

        def change(raw: Inputs, severity: int, random: np.random.Generator) -> dict[str, Array]:
            found = dict(raw)
            for name, mean in means.items():
                is_lost = random.random(raw[name].shape) < _LEVELS[severity]
                found[name] = np.where(is_lost, mean, raw[name]).astype(raw[name].dtype)
            return found

        return change
