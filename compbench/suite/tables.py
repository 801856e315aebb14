"""The tables of a suite file beside its variants and targets."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from compbench import units
from compbench.contracts import Options
from compbench.runtime.process import SILENT_S


class Reference(Options):
    """A published figure that the report prints beside ours."""

    accuracy: float = Field(..., ge=0, le=1, description="share of test samples, 0 to 1")
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

    max_drop: Annotated[float | str, AfterValidator(units.parse_share)] = Field(
        default=0.01, description="accuracy below the baseline on validation: '1pp', or 0 to 1"
    )
    max_bytes: Annotated[float | str, AfterValidator(units.parse_bytes)] | None = Field(
        default=None, description="the file on disk: '200KB', or a number of bytes"
    )
    max_latency: Annotated[float | str, AfterValidator(units.parse_time)] | None = Field(
        default=None, description="p50 at the target's first batch size: '0.5ms'"
    )
    margin: Annotated[float | str, AfterValidator(units.parse_share)] | None = Field(
        default=None,
        description="a variant leaves the Pareto front only for one that is shown to be less "
        "accurate by no more than this; without it half of max_drop",
    )
    target: str | None = Field(
        default=None, description="the target that decides; without it, each one for itself"
    )
