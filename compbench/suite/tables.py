"""The tables of a suite file beside its variants and targets."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from compbench import headline, units
from compbench.contracts import Options
from compbench.headline import Headline
from compbench.runtime.process import SILENT_S


class Reference(Options):
    """A published figure that the report prints beside ours."""

    value: float = Field(
        ..., description="of the task's metric, in its unit: accuracy as a share, 0 to 1"
    )
    source: str = Field(..., min_length=1, description="where it was published")


class Measure(Options):
    """How much is measured; the defaults are those of the protocol."""

    launches: int = Field(
        default=5, ge=2, description="fresh processes, the sampling unit of intervals"
    )
    seconds_per_arm: float = Field(
        default=0.4, gt=0, description="timed seconds of an arm in a launch"
    )
    memory_processes: int = Field(
        default=5, ge=1, description="fresh processes that load one artifact each, for its memory"
    )
    process_seconds: float = Field(
        default=SILENT_S,
        gt=0,
        description="a process without progress for so long is ended, and its file has failed",
    )


FAST = {"launches": 3, "seconds_per_arm": 0.1, "memory_processes": 1}


class Pick(Options):
    """The constraints on what the report recommends."""

    max_drop: Annotated[float | str, AfterValidator(headline.readable_loss)] | None = Field(
        default=None,
        description="the metric worse than the baseline's on validation: '1pp', or 0 to 1, of "
        "shares such as accuracy; else in its unit, or '2%' of the baseline's value; without it "
        "1pp, or 1% of the baseline's value",
    )
    max_bytes: Annotated[float | str, AfterValidator(units.parse_bytes)] | None = Field(
        default=None, description="the file on disk: '200KB', or a number of bytes"
    )
    max_latency: Annotated[float | str, AfterValidator(units.parse_time)] | None = Field(
        default=None, description="p50 at the target's first batch size: '0.5ms'"
    )
    margin: Annotated[float | str, AfterValidator(headline.readable_loss)] | None = Field(
        default=None,
        description="a variant leaves the Pareto front only for one that is shown to be worse by "
        "no more than this, written as max_drop; without it half of max_drop",
    )
    target: str | None = Field(
        default=None, description="the target that decides; without it, each one for itself"
    )

    def judged_by(self, metric: Headline) -> Pick:
        """The same with its drops as runs record them: numbers in the metric's unit, or '2%'.

        Raises ValueError in one line where one is written as none of this metric can be.
        """
        found: dict[str, float | str | None] = {}
        for name, said in (("max_drop", self.max_drop), ("margin", self.margin)):
            try:
                is_none = said is None and name == "margin"
                found[name] = None if is_none else metric.loss(said).recorded
            except ValueError as error:
                raise ValueError(f"[pick] {name}: {error}") from error
        return self.model_copy(update=found)
