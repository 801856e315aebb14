"""How much better one of two is by the metric: of these files, and of the techniques; pure.

The rule for words about a difference in quality, the same for all that say one: with two seeds or
more it is about the technique, else about this file; and it is called one only where its p-value,
adjusted for all that is said beside it, is below 5 % and its interval on one side of 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.headline import ACCURACY, Headline
from compbench.results.row import Row
from compbench.statistics.intervals import ALPHA, Interval, side, widened
from compbench.statistics.scores import crossed, paired_interval, paired_p
from compbench.statistics.significance import holm

ScoresBySeed = Mapping[int, NDArray[Any]]  # seed -> one score for each of the same samples


@dataclass(frozen=True)
class QualityChange:
    """Our metric less theirs at the `seeds` that both have, paired on the same samples.

    `files` is of these files on other samples; `technique` of training again, too, None with a
    single seed. The p-values are of one comparison each until they are `corrected`.
    """

    seeds: int
    files: Interval
    files_p: float
    technique: Interval | None = None
    technique_p: float | None = None
    headline: Headline = ACCURACY

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
        """+1 where ours is better, -1 worse, 0 where chance could explain the difference."""
        return self._better(self.interval) if self.p_value < ALPHA else 0

    @property
    def files_side(self) -> int:
        """The same of these files alone."""
        return self._better(self.files) if self.files_p < ALPHA else 0

    def _better(self, interval: Interval) -> int:
        return int(self.headline.gain(side(interval, 0)))


def by_seed(rows: Iterable[Row]) -> dict[int, NDArray[Any]]:
    """Seed -> a score for each sample, of rows of scores."""
    return {row.seed: row.samples["score"] for row in rows}


def between(
    ours: ScoresBySeed,
    theirs: ScoresBySeed,
    places: NDArray[np.intp] | None = None,
    headline: Headline = ACCURACY,
) -> QualityChange | None:
    """At the seeds that both have, on all samples or on those at `places`; None without a seed."""
    seeds = [seed for seed in ours if seed in theirs]
    if not seeds:
        return None
    which = slice(None) if places is None else places
    pair = [ours[s][which] for s in seeds], [theirs[s][which] for s in seeds]
    files, files_p = paired_interval(*pair, headline), paired_p(*pair, headline)
    again = crossed(*pair, headline)
    if again is None:
        return QualityChange(len(seeds), files, files_p, headline=headline)
    technique_p = max(again.p_value, files_p)  # never surer than of these files
    technique = widened(files, again)
    return QualityChange(len(seeds), files, files_p, technique, technique_p, headline)


def corrected(changes: Sequence[QualityChange]) -> list[QualityChange]:
    """With Holm's correction for all of them, once for what is judged and once for the files."""
    judged, files = holm([c.p_value for c in changes]), holm([c.files_p for c in changes])
    return [
        replace(c, files_p=j) if c.technique is None else replace(c, files_p=f, technique_p=j)
        for c, j, f in zip(changes, judged, files, strict=True)
    ]
