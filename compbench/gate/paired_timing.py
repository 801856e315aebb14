"""Is a candidate slower than a baseline? Both measured side by side, with a verdict.

Never a stored time against a threshold: on shared machines that raises false alarms more than half
of the time (docs/measurement.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from compbench.errors import JobFailed
from compbench.gate.check import Verdict
from compbench.measure.launch import Spec, launch
from compbench.measure.turns import SAME_MODEL
from compbench.runtime.process import ProcessFailed
from compbench.runtime.session import Images
from compbench.runtime.target import Target
from compbench.statistics.intervals import Interval, log_ratio_interval
from compbench.statistics.latency import launch_log_ratio

LAUNCHES = 5
CANDIDATE = "candidate"
BASELINE = "baseline"
CONTROL = "control"


@dataclass(frozen=True)
class Limits:
    """`slower` is the ratio allowed; the others say how sure one must be to give a verdict."""

    slower: float = 1.025
    half_width: float = 0.025
    control: float = 0.02


@dataclass(frozen=True)
class Comparison:
    """The candidate's time over the baseline's, the A/A control's, and how they were judged."""

    ratio: Interval
    control: Interval
    verdict: Verdict
    launches: int


@dataclass(frozen=True)
class Timing:
    """A comparison with the launches it rests on: arm -> columns, as `timed` has them."""

    comparison: Comparison
    launches: tuple[dict[str, Any], ...]


def verdict(ratio: Interval, control: Interval, limits: Limits) -> Verdict:
    """FAIL: beyond what is allowed, and the whole interval above 1. INCONCLUSIVE: too noisy."""
    if not abs(control.value - 1) <= limits.control:  # so that nan is no pass
        return Verdict.INCONCLUSIVE
    if ratio.value > limits.slower and ratio.low > 1:
        return Verdict.FAIL
    sure = (ratio.high - ratio.low) / 2 <= limits.half_width
    return Verdict.PASS if sure and ratio.value <= limits.slower else Verdict.INCONCLUSIVE


def time_both(
    files: tuple[str, str], target: Target, images: Images, limits: Limits, seed: int = 0
) -> Timing:
    """Candidate and baseline, five launches; as many more where those leave it undecided.

    A FAIL is measured again from the beginning and stands only if it fails again; where the two
    disagree, all launches together decide.
    """
    taken: list[dict[str, Any]] = []

    def launches(first: int) -> list[dict[str, Any]]:
        for one in range(seed + first, seed + first + LAUNCHES):
            taken.append(timed(files, target, images, one))
        return taken[first:]

    found = judged(launches, limits)
    return Timing(found, tuple(taken))


def compare(
    files: tuple[str, str], target: Target, images: Images, limits: Limits, seed: int = 0
) -> Comparison:
    """`time_both`, without the launches."""
    return time_both(files, target, images, limits, seed).comparison


def judged(launches: Callable[[int], list[dict[str, Any]]], limits: Limits) -> Comparison:
    """`time_both` with the measuring given: `launches(n)` are five more, after n before them."""
    first = launches(0)
    found = comparison(first, limits)
    if found.verdict is Verdict.PASS:
        return found
    second = launches(len(first))
    together = comparison([*first, *second], limits)
    if found.verdict is Verdict.INCONCLUSIVE:
        return together
    again = comparison(second, limits).verdict
    if again is Verdict.FAIL:
        return replace(together, verdict=Verdict.FAIL)
    if together.verdict is Verdict.FAIL:
        return replace(together, verdict=Verdict.INCONCLUSIVE)
    return together


def timed(files: tuple[str, str], target: Target, images: Images, seed: int) -> dict[str, Any]:
    """One launch: arm -> columns as `measure.Latencies` has them.

    Raises JobFailed that says which file does not work, where that is known.
    """
    arms = {CANDIDATE: files[0], BASELINE: files[1], CONTROL: files[1]}
    try:
        return launch(Spec(arms, target, SAME_MODEL, seed, throughput=False), images)["latency"]
    except ProcessFailed as error:
        if error.at not in arms:
            raise
        side = CANDIDATE if error.at == CANDIDATE else BASELINE
        raise JobFailed(f"the {side}, {arms[side]}: {error}", error.details) from error


def comparison(taken: Sequence[dict[str, Any]], limits: Limits) -> Comparison:
    """The ratios of some launches, judged."""
    ratio, control = (_ratio(taken, arm) for arm in (CANDIDATE, CONTROL))
    return Comparison(ratio, control, verdict(ratio, control, limits), len(taken))


def _ratio(taken: Sequence[dict[str, Any]], arm: str) -> Interval:
    found = log_ratio_interval([launch_log_ratio(one[arm], one[BASELINE]) for one in taken])
    assert found is not None, "a comparison needs two launches"
    return found
