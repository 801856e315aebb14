"""What can be told of scores: the one place that decides by what a sample's score is; pure.

Where each is 0 or 1 the methods are those of shares (Wilson, Tango, McNemar); where it is a number,
those of means (Student with Hall's correction, random signs). All give the metric in its own unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from compbench.headline import ACCURACY, Headline
from compbench.statistics.crossed_effects import CrossedMean
from compbench.statistics.differences import Differences, mean_over_seeds, sign_flip_p
from compbench.statistics.intervals import ALPHA, Interval, accuracy_interval
from compbench.statistics.paired_proportions import Disagreement
from compbench.statistics.significance import mcnemar_p

Scores = Sequence[NDArray[Any]]  # of the same N samples, an array (N,) a seed


class Paired(Protocol):
    """Our metric less theirs on the same samples, averaged over seeds: of these files."""

    @property
    def change(self) -> float:
        """In the metric's unit."""
        ...

    @property
    def samples(self) -> int:
        """How many there are; seeds are no more of them."""
        ...

    def bounds(self, alpha: float) -> tuple[float, float]:
        """The ends of the interval with `alpha` outside, half on either side."""
        ...

    def samples_to_decide(self, null: float, alpha: float) -> int | None:
        """How many would put an end of that interval at `null`; None where no number would."""
        ...


def paired(ours: Scores, theirs: Scores, headline: Headline = ACCURACY) -> Paired:
    """Both sides with the same seeds in the same order."""
    if headline.has_binary_scores:
        return Disagreement.of(ours, theirs)
    return Differences.of(mean_over_seeds(_leads(ours, theirs, headline)))


def paired_interval(
    ours: Scores, theirs: Scores, headline: Headline = ACCURACY, alpha: float = ALPHA
) -> Interval:
    """The same with its interval, by default 95 %."""
    found = paired(ours, theirs, headline)
    return Interval(found.change, *found.bounds(alpha))


def paired_p(ours: Scores, theirs: Scores, headline: Headline = ACCURACY) -> float:
    """How often chance alone makes a difference as large on the same samples."""
    if headline.has_binary_scores:
        return mcnemar_p(ours, theirs)
    return sign_flip_p(mean_over_seeds(_leads(ours, theirs, headline)))


def crossed(ours: Scores, theirs: Scores, headline: Headline = ACCURACY) -> CrossedMean | None:
    """The same difference, of the techniques: were they trained again. None with a single seed."""
    if headline.has_binary_scores:
        return CrossedMean.of(ours, theirs)
    return CrossedMean.of_leads(np.asarray(_leads(ours, theirs, headline)), most=inf)


def metric_interval(scores: Scores, headline: Headline = ACCURACY) -> Interval:
    """The mean of the metric over seeds, with the interval for the one set of test samples."""
    if headline.has_binary_scores:
        return accuracy_interval(scores)
    found = Differences.of(mean_over_seeds([headline.per_sample(s) for s in scores]))
    low, high = found.bounds(ALPHA)
    least = 0.0 if headline.is_share or headline.link == "root" else -inf
    most = 1.0 if headline.is_share else inf
    return Interval(found.change, max(least, low), min(most, high))


def _leads(ours: Scores, theirs: Scores, headline: Headline) -> list[NDArray[np.float64]]:
    """By seed: for each sample numbers whose mean is our metric less theirs."""
    pairs = zip(ours, theirs, strict=True)
    return [headline.per_sample(a) - headline.per_sample(b) for a, b in pairs]
