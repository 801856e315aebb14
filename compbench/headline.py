"""The headline metric of a task: its words, unit and direction, and what it is of the scores.

Every sample has one score; all statistics work from these. The metric is their mean, or its square
root where the scores are squared errors.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from compbench import units
from compbench.errors import shown


class Loss(NamedTuple):
    """How much worse than the baseline's a value may be: so much, or such a share of that value."""

    most: float
    is_relative: bool = False

    def of(self, baseline: float | None) -> float:
        """In the metric's unit; `baseline` is needed only where it is relative."""
        return self.most * abs(baseline or 0.0) if self.is_relative else self.most

    @property
    def recorded(self) -> float | str:
        """As a run records it, and `Headline.loss` reads it."""
        return f"{100 * self.most:.12g}%" if self.is_relative else self.most


_LOSS = units.NUMBER + r"(%)?\s*"


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

    def interval_text(self, value: units.Triple | None) -> str:
        """A value with the ends of its interval: 99.31 % (99.13–99.46); 0.312 (0.300–0.324) eV."""
        if self.is_share or value is None:
            return units.percent(value)
        middle, low, high = map(units.three_digits, value)
        return f"{middle} ({low}–{high}) {self.unit}".rstrip()

    def change_text(self, change: units.Triple | None) -> str:
        """A difference of two values with the ends of its interval, signed."""
        if self.is_share or change is None:
            return units.points(change)
        value, low, high = (_signed(x) for x in change)
        return f"{value} ({low}…{high}) {self.unit}".rstrip()

    def change(self, change: units.Triple | None, side: int) -> str:
        """The same in a sentence: within chance where `side` is 0."""
        is_chance = change is not None and not side
        return self.change_text(change) + (", within chance" if is_chance else "")

    def change_cell(self, change: units.Triple | None, side: int) -> str:
        """The same in a table: marked where `side` is 0, and chance could explain it."""
        is_chance = change is not None and not side
        return self.change_text(change) + (f" {units.UNSURE}" if is_chance else "")

    def difference_text(self, change: float) -> str:
        """A difference without an interval, signed: −0.52 pp, +0.012 eV."""
        if self.is_share:
            return f"{units.signed(100 * change)} pp"
        return f"{_signed(change)} {self.unit}".rstrip()

    def loss(self, given: float | str | None = None) -> Loss:
        """A loss as a suite or a user writes it: '1pp' of a share, else 0.05 or '2%'.

        Without one 1 pp, of other metrics 1 % of the baseline's value. Raises ValueError in one
        line for what is none of this metric.
        """
        if given is None:
            return Loss(0.01, not self.is_share)
        if self.is_share:
            return Loss(units.parse_share(given))
        found = units.quantity(_LOSS, given)
        if not found:
            number = f"a number of {self.unit}" if self.unit else "a number"
            raise ValueError(
                f"{shown(given)} should be {number}, since the metric is {self.label}, or such a "
                "share of the baseline's value as 2%"
            )
        return Loss(float(found[1]) / (100 if found[2] else 1), bool(found[2]))

    def loss_text(self, loss: Loss) -> str:
        """1 pp; 0.05 eV; 2 % of the baseline's RMSE."""
        if loss.is_relative:
            return f"{100 * loss.most:g} % of the baseline's {self.label}"
        return f"{100 * loss.most:g} pp" if self.is_share else f"{loss.most:g} {self.unit}".rstrip()

    @property
    def title(self) -> str:
        """Its label where a sentence or a heading begins."""
        return self.label[:1].upper() + self.label[1:]

    @property
    def is_accuracy(self) -> bool:
        """Whether it is the share of samples that are right."""
        return self.label == ACCURACY.label

    @property
    def step(self) -> str:
        """The unit of its differences: pp, eV; empty where it has none."""
        return "pp" if self.is_share else self.unit

    def with_step(self, words: str) -> str:
        """The head of a column of differences, which has their unit: accuracy change (pp)."""
        return f"{words} ({self.step})" if self.step else words

    def bare(self, change: float) -> str:
        """A difference without its unit, signed."""
        return units.signed(100 * change) if self.is_share else _signed(change)

    @property
    def plural(self) -> str:
        """Several values of it, in words."""
        return "accuracies" if self.is_accuracy else f"values of {self.label}"

    @property
    def worse_side(self) -> str:
        """Where a worse value lies: below another, or above it."""
        return "below" if self.better == "higher" else "above"


def readable_loss(text: float | str) -> float | str:
    """The same, where some metric's loss can be written so; which one is known only with a task.

    Raises ValueError for what is none of any: see `Headline.loss`.
    """
    if (isinstance(text, str) and units.quantity(_LOSS, text)) or (
        not isinstance(text, str) and text >= 0
    ):
        return text
    units.parse_share(text)
    return text


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + units.three_digits(value)


ACCURACY = Headline()
