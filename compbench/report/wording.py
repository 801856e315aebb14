"""Words and figures that several sections say alike."""

from __future__ import annotations

import numpy as np

from compbench import units
from compbench.results.record import Run
from compbench.statistics.quality_change import QualityChange
from compbench.statistics.summary import Summary

HOLM = "adjusted by Holm's procedure"
TECHNIQUES = (
    "With two seeds or more a difference in accuracy is one of the techniques: its interval and p "
    "are about training again and about other test images, by a t-test over seeds and images "
    "(crossed effects), and never surer than McNemar's exact test of these files."
)


def verdict(change: QualityChange) -> str:
    """What a paired change, corrected for the others, allows one to say."""
    return {1: "helped", -1: "hurt", 0: "no difference shown"}[change.side]


def whose(seeds: int) -> str:
    """What a difference in accuracy is said of: a technique needs more than one training."""
    return f"the technique ({seeds} seeds)" if seeds > 1 else "this file (a single seed)"


def basis(run: Run) -> str:
    """What the suite's differences in accuracy are about, in a sentence or two."""
    if len(run.seeds) > 1:
        return TECHNIQUES
    return (
        "The suite has a single seed, so a difference in accuracy is one of these files on other "
        "test images; training again may give another."
    )


def beside_parent(s: Summary, parent: str) -> str:
    """Its speed beside its first parent's: 1.40× (1.20–1.60) slower than its parent `pruned`."""
    return units.speed(s.parent_speedup, s.faster_than_parent, f"its parent `{parent}`")


def spread_text(summary: Summary) -> str:
    """The standard deviation over seeds, in percentage points."""
    if summary.seed_sd is None or not np.isfinite(summary.seed_sd):
        return units.NOTHING
    return f"{100 * summary.seed_sd:.2f}"


def size_text(size: float | None, ratio: float | None) -> str:
    """A file's bytes, and how many times smaller it is than the baseline's."""
    return units.bytes_text(size) + (f" ({units.smaller_cell(ratio)})" if ratio else "")


def place(run: Run, folder: str) -> str:
    """Where a run's raw samples are, below the folder that it was started in."""
    return f"results/runs/{run.suite}/{folder}".rstrip("/")
