"""Summaries + a constraint -> the variant to take; pure."""

from __future__ import annotations

from dataclasses import dataclass

from compbench.results import Run
from compbench.stats import Summaries, Summary


@dataclass(frozen=True)
class Choice:
    """What to take on a target, and the baseline where nothing better was found."""

    taken: Summary
    is_baseline: bool


def pick(run: Run, summaries: Summaries, target: str) -> Choice | None:
    """The fastest variant whose accuracy drop on the *validation* split is within the constraint.

    Of variants whose speed-ups can't be told apart from the fastest one's, the smallest file. The
    test split decides nothing, so that its figures stay honest. None where the baseline failed.
    """
    baseline = summaries.find(run.baseline, target)
    if baseline.validation_accuracy is None or baseline.speedup is None:
        return None
    least = baseline.validation_accuracy - run.pick["max_drop"] - 1e-9  # of rounding
    allowed = [
        s
        for s in summaries.of(target)
        if s.faster > 0 and s.speedup and (s.validation_accuracy or 0) >= least
    ]
    if not allowed:
        return Choice(baseline, True)
    fastest = max(s.speedup for s in allowed if s.speedup)
    equals = [s for s in allowed if s.speedup and s.speedup.high >= fastest.low]
    return Choice(min(equals, key=lambda s: s.size_bytes or 0), False)
