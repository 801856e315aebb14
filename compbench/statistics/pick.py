"""Constraints -> the variant to take, and what excluded each of the others; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from compbench import units
from compbench.headline import ACCURACY, Headline, Loss
from compbench.results.record import Run
from compbench.statistics.allowed_loss import allowed_loss
from compbench.statistics.noninferiority import Drop, Standing, judge
from compbench.statistics.sizes import is_smaller
from compbench.statistics.summary import Summaries, Summary

OF_DROP = ("drop", "undecided")  # reasons that are of the drop


@dataclass(frozen=True)
class Constraints:
    """What a variant must keep to; None is no limit. Shares are 0 to 1."""

    max_drop: float = 0.01  # the metric worse than the baseline's on validation, in its unit, or …
    max_bytes: float | None = None  # of the file on disk
    max_latency_ns: float | None = None  # p50 at the target's first batch size
    is_relative: bool = False  # … where this is so, as a share of the baseline's value
    headline: Headline = ACCURACY

    @staticmethod
    def of(run: Run) -> Constraints:
        """Those of the suite's [pick]."""
        loss, (size, latency) = (
            allowed_loss(run),
            (run.pick.get(f"max_{name}") for name in ("bytes", "latency")),
        )
        return Constraints(loss.most, size, latency, loss.is_relative, run.headline)

    def allowing(self, loss: Loss) -> Constraints:
        """The same with another drop."""
        return replace(self, max_drop=loss.most, is_relative=loss.is_relative)

    @property
    def loss(self) -> Loss:
        """The drop that is allowed."""
        return Loss(self.max_drop, self.is_relative)

    def broken_by(self, s: Summary) -> dict[str, str]:
        """Those of size and speed that a variant breaks, each with the figure that does."""
        found = {}
        if self.max_bytes is not None and (s.size_bytes or 0) > self.max_bytes:
            found["bytes"] = units.bytes_text(s.size_bytes)
        if self.max_latency_ns is not None and (s.p50_ns or 0) > self.max_latency_ns:
            found["latency"] = units.time_text(s.p50_ns)
        return found

    def said(self, baseline: str) -> str:
        """As one says it: at most 1 pp below teacher and at most 200 KB."""
        limits = [f"at most {self.drop_text} {self.headline.worse_side} {baseline}"]
        if self.max_bytes is not None:
            limits.append(f"at most {units.bytes_text(self.max_bytes)}")
        if self.max_latency_ns is not None:
            limits.append(f"at most {units.time_text(self.max_latency_ns)} an inference")
        return " and ".join(limits)

    @property
    def drop_text(self) -> str:
        """The drop allowed: 1 pp; 1 % of the baseline's RMSE."""
        return self.headline.loss_text(self.loss)


@dataclass(frozen=True)
class Choice:
    """What to take on a target, None where nothing is shown to keep to the constraints.

    `guess` is what would be taken by the estimates, where that is not shown to be within the drop
    allowed. `drops` are all measured variants' but the baseline's, on validation. `excluded` says
    of each variant but the one taken what spoke against it: a constraint's name ("drop", "bytes",
    "latency"), "undecided" where the samples can't tell, or "slower", "larger" than what
    was taken (as fast, and not smaller), or "failed"; each with a figure.
    """

    taken: Summary | None
    is_baseline: bool
    constraints: Constraints
    excluded: dict[str, dict[str, str]]
    guess: Summary | None = None
    drops: Mapping[str, Drop] = field(default_factory=dict)
    candidates: int = 1  # looked at on the same samples
    limit_on_test: float = 0.0  # the drop allowed, of the test split's figures

    @property
    def is_sure(self) -> bool:
        """Whether something other than the baseline is shown to keep to the constraints."""
        return self.taken is not None and not self.is_baseline

    def is_contradicted(self, s: Summary) -> bool:
        """Whether all of its change on the test images is beyond the limit; they decide nothing."""
        if s.change is None:
            return False
        gain = self.constraints.headline.gain
        return max(gain(s.change.low), gain(s.change.high)) < -self.limit_on_test

    @property
    def together(self) -> str:
        """Of how many candidates the ends of the intervals are sure at once; empty of one."""
        return f" for {self.candidates} candidates together" if self.candidates > 1 else ""

    def counts(self) -> Counter[str]:
        """How many variants each reason speaks against."""
        return Counter(reason for reasons in self.excluded.values() for reason in reasons)

    def is_within(self, variant: str) -> bool:
        """Whether a measured variant is shown to be within the drop allowed, or is the baseline."""
        return variant not in self.drops or self.drops[variant].standing is Standing.WITHIN

    def may_be_within(self, variant: str) -> bool:
        """Whether it is, or looks so by the estimate and is not shown to be beyond."""
        return self.is_within(variant) or _is_hopeful(self.drops[variant])


def pick(
    run: Run, summaries: Summaries, target: str, constraints: Constraints | None = None
) -> Choice | None:
    """The fastest variant shown to keep to the constraints, and of those as fast the smallest.

    As fast: their speed-ups' intervals overlap, or noise explains the difference. Quality counts
    on the *validation* split, by its interval: the test split decides nothing, so that its figures
    stay honest. None where the baseline has no figures.
    """
    constraints = constraints or Constraints.of(run)
    baseline = summaries.find(run.baseline, target)
    if baseline.validation is None or baseline.speedup is None:
        return None
    measured = [s for s in summaries.of(target) if s.validation and s.speedup]
    broken = {s.variant: constraints.broken_by(s) for s in measured}
    candidates = sum(_is_rival(s, baseline, broken) for s in measured)
    limit = constraints.loss.of(baseline.validation_quality)
    drops = {
        s.variant: judge(s.validation, limit, candidates, constraints.headline)
        for s in measured
        if s.validation and s is not baseline
    }
    kept = [s for s in measured if not broken[s.variant]]
    sure = [s for s in kept if s is baseline or drops[s.variant].standing is Standing.WITHIN]
    taken = _best(sure, run.baseline)
    best = _best([s for s in kept if s in sure or _is_hopeful(drops[s.variant])], run.baseline)
    return Choice(
        taken,
        taken is baseline,
        constraints,
        _excluded(summaries.of(target), taken, sure, broken, drops, run.baseline),
        guess=None if best in sure else best,
        drops=drops,
        candidates=max(1, candidates),
        limit_on_test=constraints.loss.of(baseline.quality and baseline.quality.value),
    )


def _is_rival(s: Summary, baseline: Summary, broken: Mapping[str, object]) -> bool:
    """Whether it would be taken before the baseline if it lost nothing: told without quality."""
    if s is baseline or broken[s.variant]:
        return False
    if broken[baseline.variant] or s.faster > 0:
        return True
    return s.faster == 0 and is_smaller(s.size_bytes, baseline.size_bytes)


def _is_hopeful(drop: Drop) -> bool:
    return drop.standing is Standing.UNDECIDED and drop.keeps_by_estimate


def _best(allowed: Sequence[Summary], baseline: str) -> Summary | None:
    """The smallest of the fastest; the baseline where none of them is smaller than it."""
    order = as_fast_as_any(allowed) if allowed else []
    smallest = min(order, key=lambda s: s.size_bytes or 0, default=None)
    for s in order:
        if s.variant == baseline and not is_smaller(smallest and smallest.size_bytes, s.size_bytes):
            return s
    return smallest


def _excluded(
    here: Sequence[Summary],
    taken: Summary | None,
    sure: Sequence[Summary],
    broken: Mapping[str, dict[str, str]],
    drops: Mapping[str, Drop],
    baseline: str,
) -> dict[str, dict[str, str]]:
    """What spoke against each but the one taken."""
    equals = as_fast_as_any(sure) if sure else []
    found: dict[str, dict[str, str]] = {}
    for s in here:
        if s is taken:
            continue
        if s.variant not in broken:
            found[s.variant] = {"failed": s.reason or "no figures"}
        elif s in equals:
            found[s.variant] = {"larger": units.bytes_text(s.size_bytes)}
        elif s in sure:
            found[s.variant] = {"slower": _speed(s, baseline)}
        else:
            reasons = _of_drop(drops[s.variant]) if s.variant in drops else {}
            found[s.variant] = reasons | broken[s.variant]
    return found


def _of_drop(drop: Drop) -> dict[str, str]:
    if drop.standing is Standing.WITHIN:
        return {}
    figure = f"{drop.headline.change_text(drop.change)} on validation"
    return {"drop" if drop.standing is Standing.BEYOND else "undecided": figure}


def _speed(s: Summary, baseline: str) -> str:
    """Of what is slower than another: said beside the baseline, so that nobody mistakes it."""
    if s.variant == baseline:
        return "the baseline"
    return units.speed(s.speedup, s.faster, baseline)


def as_fast_as_any(allowed: Sequence[Summary]) -> list[Summary]:
    """The fastest and those that can't be told apart from it; what noise explains is no lead."""
    faster = [s for s in allowed if s.faster > 0]
    level = [s for s in allowed if s.faster == 0]
    if not faster and level:
        return level
    timed = [(s, s.speedup) for s in faster or allowed if s.speedup]
    low = max(speedup for _, speedup in timed).low
    return [s for s, speedup in timed if speedup.high >= low]


def gain(s: Summary, baseline: Summary, headline: Headline) -> str:
    """What a variant gains and loses beside the baseline, with intervals."""
    speed = units.speed(s.speedup, s.faster)
    return (
        f"{speed}, {units.smaller(s.size_ratio)} ({units.bytes_text(s.size_bytes)} instead of "
        f"{units.bytes_text(baseline.size_bytes)}), "
        f"{headline.label} {headline.change(s.judged_change, s.better)}"
    )


def drop_sentence(drop: Drop, limit: str, noun: str) -> str:
    """What is known of a drop: −0.35 pp (−2.1…+1.4) on 288 validation images: undecided, ….

    `noun` is what a sample is called.
    """
    judged_by = units.counted(drop.samples, f"validation {noun}")
    found = f"{drop.headline.change_text(drop.change)} on {judged_by}"
    if drop.standing is not Standing.UNDECIDED:
        return f"{found}: {drop.standing} {limit}"
    if drop.samples < 2:
        return f"{found}: undecided, as a single {noun} decides nothing"
    if drop.samples_to_decide is None:
        return f"{found}: undecided, and no number of {noun}s would decide what is at the limit"
    return f"{found}: undecided, some {units.count_text(drop.samples_to_decide)} would decide"


def sentence(run: Run, summaries: Summaries, target: str, choice: Choice) -> str:
    """A choice as one says it."""
    limits, baseline = choice.constraints.said(run.baseline), summaries.find(run.baseline, target)
    guess = ""
    if choice.guess:
        drop, limit = choice.drops[choice.guess.variant], choice.constraints.drop_text
        known = drop_sentence(drop, limit, run.noun)
        guess = f"{choice.guess.variant}: {gain(choice.guess, baseline, run.headline)} ({known})"
    if choice.taken and not choice.is_baseline:
        gained = gain(choice.taken, baseline, run.headline)
        found = f"{target}: {limits}: take {choice.taken.variant}: {gained}"
        if choice.is_contradicted(choice.taken):
            found += f": the test {run.noun}s contradict it, all of that is beyond the limit"
        return found + (f"; it may be that better is {guess}" if guess else "")
    if guess:
        nothing = "nothing that is better" if choice.is_baseline else "nothing"
        return f"{target}: {nothing} is shown to be {limits}; best guess: {guess}"
    if choice.taken is None:
        return f"{target}: nothing is shown to be {limits}"
    beside = "is measurably faster, nor as fast and smaller"
    return f"{target}: keep {choice.taken.variant}: nothing else shown to be {limits} {beside}"
