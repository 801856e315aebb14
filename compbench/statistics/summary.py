"""What a report says of a variant on a target: estimates with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from compbench.statistics.degradation import Degradation
from compbench.statistics.disturbance import Disturbance
from compbench.statistics.intervals import Interval
from compbench.statistics.scores import Paired
from compbench.statistics.smallest_difference import SmallestDifference


@dataclass(frozen=True)
class Figure:
    """What a metric computed; None where its rows can't tell, and the reason where it failed."""

    value: Interval | float | None
    reason: str = ""


@dataclass(frozen=True)
class Summary:
    """One variant on one target, over all seeds. What could not be measured is None.

    `quality` is the task's headline metric, in its own unit: accuracy as a share. `change` is the
    paired difference to the baseline on the same test samples, of these files; `technique_change`
    the same with the luck of training again, None with a single seed; `seed_sd` the standard
    deviation of the metric over seeds. `speedup` is the baseline's time over this variant's,
    `parent_speedup` its first parent's. `better` (of the technique where there are seeds, else of
    this file), `file_better` (of these files alone), `faster`, `faster_than_parent` and
    `more_throughput` say whether a difference is one: +1, -1, or 0 where chance could explain it,
    corrected for the number of variants. Every word on a difference is by these.
    """

    variant: str
    target: str
    reason: str = ""  # why there is nothing to show: skipped or failed
    quality: Interval | None = None
    validation_quality: float | None = None
    change: Interval | None = None
    change_p: float | None = None  # exact, adjusted for many comparisons
    file_better: int = 0
    change_seeds: int = 0  # that it and the baseline both have
    technique_change: Interval | None = None
    technique_p: float | None = None  # adjusted for many comparisons
    better: int = 0
    validation_change: Interval | None = None
    validation_p: float | None = None  # as `change_p`
    validation: Paired | None = None  # with the baseline's scores on validation
    seed_sd: float | None = None
    size_bytes: float | None = None
    size_ratio: float | None = None  # baseline's bytes over this variant's
    packed_bytes: float | None = None  # of the file packed with zstd
    packed_ratio: float | None = None  # baseline's packed bytes over this variant's
    coded_bytes: float | None = None  # of the weights alone, entropy-coded
    coded_ratio: float | None = None  # baseline's bytes on disk over these
    parameters: float | None = None
    nonzero_parameters: float | None = None
    macs: float | None = None
    p50_ns: float | None = None
    p90_ns: Interval | None = None  # of launches; None where they saw too little of the tail
    p99_ns: Interval | None = None
    runs: int = 0  # kept samples of latency
    cpu_ns: float | None = None  # CPU time of all threads for one inference
    peak_share: float | None = None  # of the arithmetic peak in float32 that the target reaches
    footprint: dict[str, float] = field(default_factory=dict)  # medians, see footprint.py
    speedup: Interval | None = None
    log_ratios: Mapping[int, float] = field(
        default_factory=dict
    )  # by launch: of time to baseline's
    speedup_p: float | None = None  # of a t-test over launches, adjusted for many comparisons
    faster: int = 0
    parent_speedup: Interval | None = None
    parent_speedup_p: float | None = None  # as `speedup_p`
    faster_than_parent: int = 0
    throughput_per_s: dict[int, float] = field(default_factory=dict)  # by batch size
    throughput_ratio: dict[int, Interval] = field(default_factory=dict)  # over the baseline's
    more_throughput: dict[int, int] = field(default_factory=dict)
    parity_max_abs: float | None = None
    parity_agreement: float | None = None
    make_seconds: float | None = None
    lineage_seconds: float | None = None  # with all its ancestors
    shifted_quality: Interval | None = None  # the metric on shifted test samples
    shifted_change: Interval | None = None  # what shifts change, less what they do of another's
    shifted_p: float | None = None  # adjusted for many comparisons
    shifted_better: int = 0
    shifted_agreement: Interval | None = None
    calibration_error: float | None = None
    shifted_calibration_error: float | None = None
    degradation: Degradation | None = None  # what these are of; None without shifts
    further: dict[str, Figure] = field(default_factory=dict)  # by column, of further metrics

    @property
    def judged_change(self) -> Interval | None:
        """The change of the metric that `better` is about."""
        return self.technique_change or self.change

    @property
    def memory_bytes(self) -> float | None:
        """What the model adds at rest to a process with the runtime alone."""
        return (
            self.footprint["rest_bytes"] - self.footprint["base_bytes"] if self.footprint else None
        )


@dataclass(frozen=True)
class Summaries:
    """All summaries of a run, and each target's noise floor: an A/A ratio, ideally 1.

    `on_front` are those that are shown to be better than each other one in something, and
    `may_be_on_front` those of which that is undecided; `beaten_by` maps the others to one that is
    shown to be no worse in anything and measurably better in something (see `pareto_front`).
    `smallest` is the least difference in speed that a target's launches could have seen,
    `disturbed` what else its machine did meanwhile.
    """

    all: tuple[Summary, ...]
    control: Mapping[str, Interval]  # target -> time of the control arm over the baseline's
    on_front: frozenset[tuple[str, str]]  # (variant, target)
    beaten_by: Mapping[tuple[str, str], str] = field(default_factory=dict)
    may_be_on_front: frozenset[tuple[str, str]] = frozenset()
    smallest: Mapping[str, SmallestDifference] = field(default_factory=dict)
    disturbed: Mapping[str, Disturbance] = field(default_factory=dict)

    @cached_property
    def _found(self) -> dict[tuple[str, str], Summary]:
        return {(s.variant, s.target): s for s in self.all}

    def of(self, target: str) -> tuple[Summary, ...]:
        """The summaries on one target, in suite order."""
        return tuple(s for s in self.all if s.target == target)

    def find(self, variant: str, target: str) -> Summary:
        """The summary of one variant on one target."""
        return self._found[variant, target]
