"""What a file adds to the memory of a process: a candidate's and a baseline's, with a verdict.

The process itself is the runtime's, some 65 MB, beside which a model that grew by half is not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from compbench.contracts.inputs import Inputs
from compbench.gate.check import Pair, Verdict, against, names_side
from compbench.gate.repetition import enough, needed_text, quantile, settled
from compbench.measure.footprint import footprints
from compbench.statistics.intervals import Interval

# what a page more or less of the allocator may make: two files of the same net differ by so much
ALLOWANCE_BYTES = 500_000


class Added(NamedTuple):
    """Bytes that a file added to a process of its own: its peak less what there was before it."""

    candidate: int
    baseline: int


@dataclass(frozen=True)
class Growth:
    """What each file adds on average, the difference, and how that was judged.

    `processes` are those of each file that the figures rest on; `note` as a `Comparison` has it.
    """

    candidate: float
    baseline: float
    more: Interval  # bytes that the candidate adds more
    verdict: Verdict
    processes: int
    note: str = ""


def allowed(baseline: float, ratio: float) -> float:
    """How many bytes more a candidate may add than a baseline that adds so many."""
    return (ratio - 1) * baseline + ALLOWANCE_BYTES


def measured(pair: Pair, inputs: Inputs, ratio: float, processes: int) -> Growth:
    """Both files in fresh processes of their own. Raises JobFailed that says which does not work.

    As many again where they leave it undecided; a failure stands only where it is found again.
    """

    def more(count: int) -> list[Added]:
        columns = []
        for side, file in zip(("the candidate", "the baseline"), pair.files, strict=True):
            with names_side(side, file):
                found = footprints(str(file), pair.target, count, inputs)
            columns.append(found["peak_bytes"] - found["base_bytes"])
        return [Added(*map(int, both)) for both in zip(*columns, strict=True)]

    return judged(more, ratio, processes)


def judged(more: Callable[[int], Sequence[Added]], ratio: float, processes: int) -> Growth:
    """`measured` with the measuring given: `more(n)` are n more processes of each file."""

    def judge(taken: Sequence[Added]) -> Verdict:
        difference = _difference(taken)
        limit = allowed(float(np.mean([one.baseline for one in taken])), ratio)
        return against(difference.low, difference.high, limit)

    found = settled(more, judge, processes)
    candidate, baseline = np.mean(found.decisive, axis=0)
    difference = _difference(found.decisive)
    note = ""
    if found.verdict is Verdict.FAIL:
        note = f"measured again, after {len(found.taken) - len(found.decisive)} that failed as well"
    elif found.unconfirmed:
        note = "it failed at first, and not when it was measured again"
    elif found.verdict is Verdict.INCONCLUSIVE:
        spread = sqrt(float(np.var(found.decisive, axis=0, ddof=1).sum()))
        needed = enough(spread, abs(difference.value - allowed(float(baseline), ratio)))
        note = f"{needed_text(needed)} would decide"
    count = len(found.decisive)
    return Growth(float(candidate), float(baseline), difference, found.verdict, count, note)


def _difference(taken: Sequence[Added]) -> Interval:
    """Candidate less baseline with Welch's 95 % t-interval over processes."""
    values = np.array(taken, float)
    count = len(values)
    mean = float(values[:, 0].mean() - values[:, 1].mean())
    squares = values.var(axis=0, ddof=1) / count
    total = float(squares.sum())
    if total == 0:
        return Interval(mean, mean, mean)
    freedom = total**2 * (count - 1) / float((squares**2).sum())
    half = quantile(freedom) * sqrt(total)
    return Interval(mean, mean - half, mean + half)
