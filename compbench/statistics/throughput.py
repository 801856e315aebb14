"""Throughput rows -> samples a second by batch size, and which differ from the baseline's; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.intervals import Interval
from compbench.statistics.speed import judge
from compbench.statistics.summary import Summary

_Taken = tuple[int, int]  # seed, launch


def medians(rows: Iterable[Row]) -> dict[int, float]:
    """Samples a second by batch size: the median of all blocks."""
    found: dict[int, list[NDArray]] = defaultdict(list)
    for row in rows:
        found[row.batch_size].append(row.samples["images_per_s"])
    return {size: float(np.median(np.concatenate(rates))) for size, rates in found.items()}


def beside_baseline(
    run: Run, rows: Rows, target: str, here: Sequence[Summary], control: Interval | None
) -> list[Summary]:
    """One target's summaries with their throughputs over the baseline's, launch by launch.

    The words are by the rule that holds for latency, corrected for the variants at a batch size.
    """
    logs = {s.variant: _logs(rows.of(s.variant, "throughput_per_s", target)) for s in here}
    base = logs[run.baseline]
    ratios: dict[str, dict[int, Interval]] = defaultdict(dict)
    sides: dict[str, dict[int, int]] = defaultdict(dict)
    for size in run.targets[target]["batch_sizes"]:
        leads = {
            s.variant: _leads(logs[s.variant].get(size, {}), base.get(size, {}))
            for s in here
            if s.variant != run.baseline and not s.reason
        }
        for variant, found in judge(leads, control).items():
            if found.ratio:
                ratios[variant][size], sides[variant][size] = found.ratio, found.side
    return [
        replace(s, throughput_ratio=ratios[s.variant], more_throughput=sides[s.variant])
        for s in here
    ]


def _logs(rows: Iterable[Row]) -> dict[int, dict[_Taken, float]]:
    """By batch size and launch the mean logarithm of a launch's blocks."""
    found: dict[int, dict[_Taken, float]] = defaultdict(dict)
    for row in rows:
        mean = float(np.log(row.samples["images_per_s"]).mean())
        found[row.batch_size][row.seed, row.launch] = mean
    return found


def _leads(ours: Mapping[_Taken, float], theirs: Mapping[_Taken, float]) -> list[float]:
    """For each launch log(ours / theirs), the mean over the seeds that both have."""
    by_launch: dict[int, list[float]] = defaultdict(list)
    for taken, log in ours.items():
        if taken in theirs:
            by_launch[taken[1]].append(log - theirs[taken])
    return [float(np.mean(leads)) for leads in by_launch.values()]
