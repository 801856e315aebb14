"""Did the ONNX file grow?"""

from __future__ import annotations

from pydantic import Field

from compbench.gate.check import Evidence, GateCheck, Result
from compbench.units import bytes_text


class Check(GateCheck):
    """The bytes of the files."""

    order = 30
    figure = "the ONNX file"
    fails = "more than {bytes_ratio:g} times as many"

    bytes_ratio: float = Field(
        default=1.01, gt=0, description="bytes of the ONNX file allowed, to the baseline's"
    )

    def judge(self, evidence: Evidence) -> Result:
        """By the files on disk."""
        candidate, baseline = (file.stat().st_size for file in evidence.pair.files)
        return self.judge_sizes(baseline, candidate)

    def judge_sizes(self, baseline: int, candidate: int) -> Result:
        """Both in bytes."""
        ratio = candidate / baseline
        line = (
            f"{bytes_text(baseline)} became {bytes_text(candidate)}: {ratio:.3f}× "
            f"(allowed {self.bytes_ratio:g}×)"
        )
        return self.passed(not ratio > self.bytes_ratio, line)
