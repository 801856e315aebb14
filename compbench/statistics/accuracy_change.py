"""How much more often one of two is right: of these files, and of the techniques; pure.

The rule for words about a difference in accuracy, the same for all that say one: with two seeds or
more it is about the technique, else about this file; and it is called one only where its p-value,
adjusted for all that is said beside it, is below 5 % and its interval on one side of 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from compbench.results.row import Row
from compbench.statistics.crossed_effects import CrossedMean
from compbench.statistics.intervals import ALPHA, Interval, paired_change, side, widened
from compbench.statistics.significance import holm, mcnemar_p

Correct = Mapping[int, NDArray[np.uint8]]  # seed -> which samples were right


@dataclass(frozen=True)
class AccuracyChange:
    """Our accuracy less theirs at the `seeds` that both have, paired on the same samples.

    `files` is of these files on other samples; `technique` of training again, too, None with a
    single seed. The p-values are of one comparison each until they are `corrected`.
    """

    seeds: int
    files: Interval
    files_p: float
    technique: Interval | None = None
    technique_p: float | None = None

    @property
    def interval(self) -> Interval:
        """Of what is judged: the technique's, or with a single seed this file's."""
        return self.technique or self.files

    @property
    def p_value(self) -> float:
        """Of what is judged."""
        return self.files_p if self.technique_p is None else self.technique_p

    @property
    def side(self) -> int:
        """+1 where ours is more accurate, -1 less, 0 where chance could explain the difference."""
        return side(self.interval, 0) if self.p_value < ALPHA else 0

    @property
    def files_side(self) -> int:
        """The same of these files alone."""
        return side(self.files, 0) if self.files_p < ALPHA else 0


def by_seed(rows: Iterable[Row]) -> dict[int, NDArray[np.uint8]]:
    """Seed -> which samples were right, of rows of an accuracy."""
    return {row.seed: row.samples["correct"] for row in rows}


def between(
    ours: Correct, theirs: Correct, places: NDArray[np.intp] | None = None
) -> AccuracyChange | None:
    """At the seeds that both have, on all samples or on those at `places`; None without a seed."""
    seeds = [seed for seed in ours if seed in theirs]
    if not seeds:
        return None
    which = slice(None) if places is None else places
    pair = [ours[s][which] for s in seeds], [theirs[s][which] for s in seeds]
    files, files_p, crossed = paired_change(*pair), mcnemar_p(*pair), CrossedMean.of(*pair)
    if crossed is None:
        return AccuracyChange(len(seeds), files, files_p)
    technique_p = max(crossed.p_value, files_p)  # never surer than of these files
    return AccuracyChange(len(seeds), files, files_p, widened(files, crossed), technique_p)


def corrected(changes: Sequence[AccuracyChange]) -> list[AccuracyChange]:
    """With Holm's correction for all of them, once for what is judged and once for the files."""
    judged, files = holm([c.p_value for c in changes]), holm([c.files_p for c in changes])
    return [
        replace(c, files_p=j) if c.technique is None else replace(c, files_p=f, technique_p=j)
        for c, j, f in zip(changes, judged, files, strict=True)
    ]
