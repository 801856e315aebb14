"""Does the candidate need more memory? Each file is loaded and run in fresh processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from compbench.gate.check import Evidence, GateCheck, Pair, Result, names_side
from compbench.units import bytes_text

if TYPE_CHECKING:
    from compbench.runtime.session import Images

Peaks = NDArray[np.int64]  # bytes, one value a process


class Check(GateCheck):
    """The median peak of the resident memory of fresh processes."""

    order = 40
    figure = (
        "peak of the resident memory of a fresh process, median of {memory_processes} processes "
        "each"
    )
    fails = "more than {memory_ratio:g} times as much"
    efforts = ("memory_processes",)

    memory_ratio: float = Field(
        default=1.1, gt=0, description="peak memory allowed, to the baseline's"
    )
    memory_processes: int = Field(
        default=3, ge=1, description="fresh processes in which each file's memory is measured"
    )

    def measure(self, pair: Pair, images: Images) -> tuple[Peaks, Peaks]:
        """The peaks of the candidate's processes, and of the baseline's."""
        from compbench.measure.footprint import footprints

        peaks = []
        for side, file in zip(("the candidate", "the baseline"), pair.files, strict=True):
            with names_side(side, file):
                found = footprints(str(file), pair.target, self.memory_processes, images)
            peaks.append(found["peak_bytes"])
        return peaks[0], peaks[1]

    def judge(self, evidence: Evidence) -> Result:
        """By the peaks that were measured."""
        candidate, baseline = evidence.measured.own[self.name]
        return self.judge_peaks(baseline, candidate)

    def judge_peaks(self, baseline: Peaks, candidate: Peaks) -> Result:
        """By the median process of each."""
        before, after = float(np.median(baseline)), float(np.median(candidate))
        ratio = after / before
        line = (
            f"peak of {bytes_text(before)} became {bytes_text(after)}: {ratio:.3f}× "
            f"(allowed {self.memory_ratio:g}×); {len(candidate)} processes each"
        )
        return self.passed(not ratio > self.memory_ratio, line)
