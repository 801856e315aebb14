"""Is a candidate slower than a baseline? Both measured side by side, with a verdict.

Never a stored time against a threshold: on shared machines that raises false alarms more than half
of the time (docs/measurement.md). What is timed is what a report calls latency.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log
from typing import Any, NamedTuple

import numpy as np

from compbench.contracts.inputs import Inputs
from compbench.errors import JobFailed
from compbench.gate.check import Verdict, against
from compbench.gate.repetition import Settled, enough, needed_text, settled
from compbench.measure.launch import Spec, launch
from compbench.measure.turns import Turns
from compbench.runtime.process import ProcessFailed
from compbench.runtime.target import Target
from compbench.statistics.intervals import Interval, log_ratio_interval
from compbench.statistics.latency import launch_log_ratio

LAUNCHES = 5
CANDIDATE = "candidate"
BASELINE = "baseline"
CONTROL = "control"


@dataclass(frozen=True)
class Limits:
    """`slower` is the ratio allowed, `control` how far from 1 the A/A control may be shown to be.

    `launches` are taken at first.
    """

    slower: float = 1.025
    control: float = 0.02
    launches: int = LAUNCHES


@dataclass(frozen=True)
class Comparison:
    """The candidate's time over the baseline's, the A/A control's, and how they were judged.

    `launches` are those that the figures rest on; `note` says why there is no verdict, or what a
    failure was confirmed by.
    """

    ratio: Interval
    control: Interval
    verdict: Verdict
    launches: int
    note: str = ""


@dataclass(frozen=True)
class Timing:
    """A comparison with all launches that led to it: arm -> columns, as `timed` has them."""

    comparison: Comparison
    launches: tuple[dict[str, Any], ...]


class LogRatios(NamedTuple):
    """Of one launch, to the baseline in it."""

    candidate: float
    control: float


def verdict(ratio: Interval, control: Interval, limits: Limits) -> Verdict:
    """The whole interval against the limit; none where the machine disagrees with itself."""
    if _disagrees(control, limits):
        return Verdict.INCONCLUSIVE
    return against(ratio.low, ratio.high, limits.slower)


def time_both(
    files: tuple[str, str], target: Target, inputs: Inputs, limits: Limits, seed: int = 0
) -> Timing:
    """Candidate and baseline, five launches; as many more where those leave it undecided.

    A FAIL is measured again from the beginning and stands only if those launches alone fail again.
    """
    taken: list[dict[str, Any]] = []

    def more(count: int) -> list[LogRatios]:
        new = [timed(files, target, inputs, seed + len(taken) + i) for i in range(count)]
        taken.extend(new)
        return [log_ratios(one) for one in new]

    found = judged(more, limits)
    return Timing(found, tuple(taken))


def compare(
    files: tuple[str, str], target: Target, inputs: Inputs, limits: Limits, seed: int = 0
) -> Comparison:
    """`time_both`, without the launches."""
    return time_both(files, target, inputs, limits, seed).comparison


def judged(more: Callable[[int], Sequence[LogRatios]], limits: Limits) -> Comparison:
    """`time_both` with the measuring given: `more(n)` are the log-ratios of n more launches."""

    def judge(taken: Sequence[LogRatios]) -> Verdict:
        return verdict(*_ratios(taken), limits)

    found = settled(more, judge, limits.launches)
    ratio, control = _ratios(found.decisive)
    note = _note(found, ratio, control, limits)
    return Comparison(ratio, control, found.verdict, len(found.decisive), note)


def timed(files: tuple[str, str], target: Target, inputs: Inputs, seed: int) -> dict[str, Any]:
    """One launch: arm -> columns as `measure.Latencies` has them.

    Raises JobFailed that says which file does not work, where that is known.
    """
    arms = {CANDIDATE: files[0], BASELINE: files[1], CONTROL: files[1]}
    try:
        return launch(Spec(arms, target, Turns(), seed, throughput=False), inputs)["latency"]
    except ProcessFailed as error:
        if error.at not in arms:
            raise
        side = CANDIDATE if error.at == CANDIDATE else BASELINE
        raise JobFailed(f"the {side}, {arms[side]}: {error}", error.details) from error


def log_ratios(one: dict[str, Any]) -> LogRatios:
    """The candidate's and the control's log-ratio in a launch."""
    return LogRatios(*(launch_log_ratio(one[arm], one[BASELINE]) for arm in (CANDIDATE, CONTROL)))


def comparison(taken: Sequence[dict[str, Any]], limits: Limits) -> Comparison:
    """The ratios of some launches, judged once."""
    ratio, control = _ratios([log_ratios(one) for one in taken])
    return Comparison(ratio, control, verdict(ratio, control, limits), len(taken))


def _ratios(taken: Sequence[LogRatios]) -> tuple[Interval, Interval]:
    candidate, control = (log_ratio_interval(arm) for arm in zip(*taken, strict=True))
    assert candidate is not None and control is not None, "a comparison needs two launches"
    return candidate, control


def _disagrees(control: Interval, limits: Limits) -> bool:
    """Whether the A/A control is shown to be off, and by more than is allowed; nan is."""
    is_off = not control.low <= 1 <= control.high
    return is_off and not abs(control.value - 1) <= limits.control


def _note(found: Settled[LogRatios], ratio: Interval, control: Interval, limits: Limits) -> str:
    count = len(found.taken)
    if found.verdict is Verdict.FAIL:
        return f"measured again, after {count - len(found.decisive)} that failed as well"
    if found.verdict is Verdict.PASS:
        return ""
    if found.unconfirmed:
        return "it failed at first, and not when it was measured again"
    if _disagrees(control, limits):
        return f"the machine disagrees with itself by more than {limits.control:.0%}"
    spread = float(np.std([one.candidate for one in found.taken], ddof=1))
    needed = enough(spread, abs(log(ratio.value / limits.slower)))
    return f"{needed_text(needed)} would decide"
