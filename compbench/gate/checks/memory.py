"""Does the candidate need more memory? Each file is loaded and run in fresh processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from compbench.gate.check import Evidence, GateCheck, Pair, Result
from compbench.units import bytes_text

if TYPE_CHECKING:
    from compbench.contracts.inputs import Inputs
    from compbench.gate.added_memory import Growth


class Check(GateCheck):
    """What the model adds to a process: the runtime's own 65 MB would hide a model that doubled."""

    order = 40
    figure = (
        "peak memory of a fresh process, less what it has once the runtime is loaded: what the "
        "model adds; {memory_processes} processes each"
    )
    fails = (
        "the whole interval of the difference is above {memory_ratio:g} times the baseline's and "
        "0.5 MB, and again when it is measured again"
    )
    efforts = ("memory_processes",)

    memory_ratio: float = Field(
        default=1.1,
        gt=0,
        description="memory that the file adds, allowed to the baseline's, and 0.5 MB beside it",
    )
    memory_processes: int = Field(
        default=3,
        ge=2,
        description="fresh processes in which each file's memory is measured at first",
    )

    def measure(self, pair: Pair, inputs: Inputs) -> Growth:
        """What both files add to processes of their own."""
        from compbench.gate import added_memory

        return added_memory.measured(pair, inputs, self.memory_ratio, self.memory_processes)

    def judge(self, evidence: Evidence) -> Result:
        """The verdict that the measuring led to."""
        return self.judge_growth(evidence.measured.own[self.name])

    def judge_growth(self, found: Growth) -> Result:
        """The same of a growth alone."""
        from compbench.gate.added_memory import ALLOWANCE_BYTES, allowed

        most = allowed(found.baseline, self.memory_ratio)
        note = f"; {found.note}" if found.note else ""
        line = (
            f"{bytes_text(found.baseline)} that it adds became {bytes_text(found.candidate)}: "
            f"{_more(found.more.value)} ({_more(found.more.low)}…{_more(found.more.high)}), "
            f"allowed {_more(most)} ({self.memory_ratio:g}× and {bytes_text(ALLOWANCE_BYTES)}); "
            f"{found.processes} processes each{note}"
        )
        return self.result(found.verdict, line)


def _more(size: float) -> str:
    """With its sign."""
    return f"{'−' if size < 0 else '+'}{bytes_text(abs(size))}"
