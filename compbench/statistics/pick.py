"""Constraints -> the variant to take, and what excluded each of the others; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from compbench import units
from compbench.results.record import Run
from compbench.statistics.summary import Summaries, Summary

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Constraints:
    """What a variant must keep to; None is no limit. Shares are 0 to 1."""

    max_drop: float = 0.01  # accuracy below the baseline, on the validation split
    max_bytes: float | None = None  # of the file on disk
    max_latency_ns: float | None = None  # p50 at the target's first batch size

    @staticmethod
    def of(run: Run) -> Constraints:
        """Those of the suite's [pick]."""
        limits = {name: run.pick.get(f"max_{name}") for name in ("drop", "bytes", "latency")}
        return Constraints(limits["drop"] or 0.0, limits["bytes"], limits["latency"])

    def keeps_accuracy(self, s: Summary, baseline: Summary) -> bool:
        """Whether both were measured, and the drop on the validation split is within the limit."""
        if s.validation_accuracy is None or baseline.validation_accuracy is None:
            return False
        change = s.validation_accuracy - baseline.validation_accuracy
        return change >= -self.max_drop - _ROUNDING

    def broken_by(self, s: Summary, baseline: Summary) -> dict[str, str]:
        """The constraints that a measured variant breaks, each with the figure that does."""
        assert s.validation_accuracy is not None and baseline.validation_accuracy is not None
        found = {}
        if not self.keeps_accuracy(s, baseline):
            change = s.validation_accuracy - baseline.validation_accuracy
            found["accuracy"] = f"{units.signed(100 * change)} pp on validation"
        if self.max_bytes is not None and (s.size_bytes or 0) > self.max_bytes:
            found["bytes"] = units.bytes_text(s.size_bytes)
        if self.max_latency_ns is not None and (s.p50_ns or 0) > self.max_latency_ns:
            found["latency"] = units.time_text(s.p50_ns)
        return found

    def said(self, baseline: str) -> str:
        """As one says it: at most 1 pp below teacher and at most 200 KB."""
        limits = [f"at most {100 * self.max_drop:g} pp below {baseline}"]
        if self.max_bytes is not None:
            limits.append(f"at most {units.bytes_text(self.max_bytes)}")
        if self.max_latency_ns is not None:
            limits.append(f"at most {units.time_text(self.max_latency_ns)} an inference")
        return " and ".join(limits)


@dataclass(frozen=True)
class Choice:
    """What to take on a target, None where nothing keeps to the constraints.

    `excluded` says of each other variant what spoke against it: a constraint's name ("accuracy",
    "bytes", "latency"), or "slower", "larger" than what was taken, or "failed"; each with a figure.
    """

    taken: Summary | None
    is_baseline: bool
    constraints: Constraints
    excluded: dict[str, dict[str, str]]

    def counts(self) -> Counter[str]:
        """How many variants each reason speaks against."""
        return Counter(reason for reasons in self.excluded.values() for reason in reasons)


def pick(
    run: Run, summaries: Summaries, target: str, constraints: Constraints | None = None
) -> Choice | None:
    """The fastest variant that keeps to the constraints, and of those as fast the smallest.

    As fast: their speed-ups' intervals overlap, or noise explains the difference. Accuracy counts
    on the *validation* split: the test split decides nothing, so that its figures stay honest.
    None where the baseline has no figures.
    """
    constraints = constraints or Constraints.of(run)
    baseline = summaries.find(run.baseline, target)
    if baseline.validation_accuracy is None or baseline.speedup is None:
        return None
    excluded, allowed = {}, []
    for s in summaries.of(target):
        if s.validation_accuracy is None or s.speedup is None:
            excluded[s.variant] = {"failed": s.reason or "no figures"}
            continue
        broken = constraints.broken_by(s, baseline)
        if broken:
            excluded[s.variant] = broken
        else:
            allowed.append(s)
    if not allowed:
        return Choice(None, False, constraints, excluded)
    equals = as_fast_as_any(allowed)
    taken = min(equals, key=lambda s: (s.size_bytes or 0, s.variant != run.baseline))
    for s in allowed:
        if s is not taken:
            size = units.bytes_text(s.size_bytes)
            excluded[s.variant] = {"larger": size} if s in equals else {"slower": _speed(run, s)}
    return Choice(taken, taken.variant == run.baseline, constraints, excluded)


def _speed(run: Run, s: Summary) -> str:
    """Of what is slower than another: said beside the baseline, so that nobody mistakes it."""
    if s.variant == run.baseline:
        return "the baseline"
    return units.speed(s.speedup, s.faster, run.baseline)


def as_fast_as_any(allowed: Sequence[Summary]) -> list[Summary]:
    """The fastest and those that can't be told apart from it; what noise explains is no lead."""
    faster = [s for s in allowed if s.faster > 0]
    level = [s for s in allowed if s.faster == 0]
    if not faster and level:
        return level
    timed = [(s, s.speedup) for s in faster or allowed if s.speedup]
    low = max(speedup for _, speedup in timed).low
    return [s for s, speedup in timed if speedup.high >= low]


def gain(s: Summary, baseline: Summary) -> str:
    """What a variant gains and loses beside the baseline, with intervals."""
    speed = units.speed(s.speedup, s.faster)
    return (
        f"{speed}, {units.smaller(s.size_ratio)} ({units.bytes_text(s.size_bytes)} instead of "
        f"{units.bytes_text(baseline.size_bytes)}), "
        f"accuracy {units.change(s.change, s.more_accurate)}"
    )


def sentence(run: Run, summaries: Summaries, target: str, choice: Choice) -> str:
    """A choice as one says it."""
    limits, taken = choice.constraints.said(run.baseline), choice.taken
    if taken is None:
        return f"{target}: nothing is {limits}"
    if choice.is_baseline:
        beside = "nothing else is measurably faster, nor as fast and smaller"
        return f"{target}: {limits}: keep {taken.variant}: {beside}"
    found = gain(taken, summaries.find(run.baseline, target))
    return f"{target}: {limits}: take {taken.variant}: {found}"
