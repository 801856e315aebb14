"""The headline metric of a task: its words, unit and direction, and what it is of the scores.

Every sample has one score; all statistics work from these. The metric is their mean, or its square
root where the scores are squared errors.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from compbench import units


class Headline(BaseModel):
    """What a run records of its metric, so that a report needs no task.

    `name` is its column in the tidy table ("accuracy", "rmse"), `label` what people read. `unit` is
    "fraction" for shares, written in % and percentage points, else a unit of its own or empty.
    `has_binary_scores` says that each sample's score is 0 or 1, which exact tests need.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = "accuracy"
    label: str = "accuracy"
    unit: str = "fraction"
    better: Literal["higher", "lower"] = "higher"
    has_binary_scores: bool = True
    link: Literal["mean", "root"] = "mean"

    def value(self, scores: NDArray[Any]) -> float:
        """The metric of these samples."""
        mean = float(np.mean(scores))
        return mean if self.link == "mean" else mean**0.5

    def per_sample(self, scores: NDArray[Any]) -> NDArray[np.float64]:
        """Numbers (N,) whose mean is the metric, and whose spread is its own, to first order.

        The scores themselves; of a root its tangent at the mean (the delta method; A. W. van der
        Vaart, "Asymptotic Statistics", 1998, chapter 3).
        """
        scores = np.asarray(scores, np.float64)
        if self.link == "mean":
            return scores
        root = self.value(scores)
        return root + (scores - root**2) / (2 * root) if root else scores

    @property
    def is_share(self) -> bool:
        """Whether it lies between 0 and 1 and is written in %."""
        return self.unit == "fraction"

    def gain(self, change: float) -> float:
        """A difference of values, positive where the new one is better."""
        return change if self.better == "higher" else -change

    def text(self, value: float | None, digits: int = 2) -> str:
        """A value as people read it."""
        if self.is_share or value is None:
            return units.share(value, digits)
        return f"{units.three_digits(value)} {self.unit}".rstrip()

    def change_text(self, change: units.Triple | None) -> str:
        """A difference of two values with the ends of its interval, signed."""
        if self.is_share or change is None:
            return units.points(change)
        value, low, high = (f"{'+' if x > 0 else ''}{units.three_digits(x)}" for x in change)
        return f"{value} ({low}…{high}) {self.unit}".rstrip()


ACCURACY = Headline()
