"""How sure a target's speeds are, in sentences for a report and for a terminal; pure."""

from __future__ import annotations

from math import isinf, sqrt

import numpy as np

from compbench import units
from compbench.statistics.intervals import Interval
from compbench.statistics.smallest_difference import FOUND, LARGEST
from compbench.statistics.summary import Summaries


def smallest_difference(summaries: Summaries, target: str) -> str:
    """What the launches could have seen; empty where there is nothing to compare."""
    found = summaries.smallest.get(target)
    if found is None:
        return ""
    others = "variant" if found.comparisons == 1 else "variants"
    if isinf(found.share):
        return (
            f"{found.launches} such launches are too few to be sure of any difference in speed, "
            f"were it {LARGEST}-fold ({found.comparisons} {others} compared)."
        )
    return (
        f"Smallest difference in speed that {found.launches} such launches find in "
        f"{10 * FOUND:g} of 10 runs: {units.share(found.share)} ({found.comparisons} {others} "
        "compared); a smaller one may be there unseen."
    )


def busy_machine(summaries: Summaries, target: str, baseline: str) -> str:
    """That others worked on the machine, and what became of the intervals; empty where none did."""
    found = summaries.disturbed.get(target)
    if found is None or not found.busy:
        return ""
    return (
        f"While {target} was timed the machine was busy with other work in {found.busy} of "
        f"{found.launches} launches: it took up to {units.share(found.load, 0)} of all cores (the "
        f"hypervisor {units.share(found.steal, 0)}) and interrupted up to {found.switches:,} times "
        "a launch. "
        f"{_widths(summaries, target, baseline)}"
    ).strip()


def _widths(summaries: Summaries, target: str, baseline: str) -> str:
    widths = {
        s.variant: _half_width(s.speedup)
        for s in summaries.of(target)
        if s.speedup and s.variant != baseline
    }
    control = summaries.control.get(target)
    if not widths or control is None:
        return ""
    widest = max(widths, key=lambda variant: widths[variant])
    return (
        "Speed-ups are known to within "
        f"±{units.share(float(np.median([*widths.values()])))} (median; {widest}: "
        f"±{units.share(widths[widest])}), the baseline against itself to within "
        f"±{units.share(_half_width(control))}. Intervals hold all the same; a quiet machine "
        "gives narrower ones."
    )


def _half_width(ratio: Interval) -> float:
    """Of a ratio's interval, as a share."""
    return sqrt(ratio.high / ratio.low) - 1
