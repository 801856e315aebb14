"""Words and figures that several sections say alike."""

from __future__ import annotations

import numpy as np

from compbench import units
from compbench.headline import Headline
from compbench.results.record import Run
from compbench.statistics.quality_change import QualityChange
from compbench.statistics.summary import Summary

HOLM = "adjusted by Holm's procedure"


def verdict(change: QualityChange) -> str:
    """What a paired change, corrected for the others, allows one to say."""
    return {1: "helped", -1: "hurt", 0: "no difference shown"}[change.side]


def whose(seeds: int) -> str:
    """What a difference in quality is said of: a technique needs more than one training."""
    return f"the technique ({seeds} seeds)" if seeds > 1 else "this file (a single seed)"


def basis(run: Run) -> str:
    """What the suite's differences in quality are about, in a sentence or two."""
    label, noun = run.headline.label, run.noun
    if len(run.seeds) > 1:
        return (
            f"With two seeds or more a difference in {label} is one of the techniques: its "
            f"interval and p are about training again and about other test {noun}s, by a t-test "
            f"over seeds and {noun}s (crossed effects), and never surer than "
            f"{file_test(run.headline)} of these files."
        )
    return (
        f"The suite has a single seed, so a difference in {label} is one of these files on other "
        f"test {noun}s; training again may give another."
    )


def file_test(headline: Headline) -> str:
    """The test of two files' scores on the same samples."""
    if headline.has_binary_scores:
        return "McNemar's exact test"
    return "a test by random signs"


def interval_kind(headline: Headline) -> str:
    """Whose the interval of the metric itself is."""
    return "Wilson's" if headline.has_binary_scores else "Student's, corrected for skewness"


def spread_head(headline: Headline) -> str:
    """The head of the column of `spread_text`."""
    return headline.with_step("seeds' sd")


def beside_parent(s: Summary, parent: str) -> str:
    """Its speed beside its first parent's: 1.40× (1.20–1.60) slower than its parent `pruned`."""
    return units.speed(s.parent_speedup, s.faster_than_parent, f"its parent `{parent}`")


def spread_text(summary: Summary, headline: Headline) -> str:
    """The standard deviation over seeds: in percentage points, else in the metric's unit."""
    if summary.seed_sd is None or not np.isfinite(summary.seed_sd):
        return units.NOTHING
    if headline.is_share:
        return f"{100 * summary.seed_sd:.2f}"
    return units.three_digits(summary.seed_sd)


def size_text(size: float | None, ratio: float | None) -> str:
    """A file's bytes, and how many times smaller it is than the baseline's."""
    return units.bytes_text(size) + (f" ({units.smaller_cell(ratio)})" if ratio else "")


def place(run: Run, folder: str) -> str:
    """Where a run's raw samples are, below the folder that it was started in."""
    return f"results/runs/{run.suite}/{folder}".rstrip("/")
