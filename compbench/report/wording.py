"""Words and figures that several sections say alike."""

from __future__ import annotations

import numpy as np

from compbench import units
from compbench.results.record import Run
from compbench.statistics.intervals import Interval
from compbench.statistics.summary import Summary


def verdict(change: Interval) -> str:
    """What a paired change with its interval allows one to say."""
    if change.low > 0:
        return "helped"
    return "hurt" if change.high < 0 else "no difference shown"


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
