"""The gates: a baseline's figure, a candidate's and a limit -> a verdict with one line; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compbench.gate.engine import Comparison, Verdict
from compbench.statistics.intervals import Interval, paired_change
from compbench.units import bytes_text, points

PARITY_DROP = 0.01  # of agreement, below the baseline's, where the suite sets no limit of its own
_NO_PARENT = "not recorded: the candidate has no figures of what it was made from here"
_ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


@dataclass(frozen=True)
class Result:
    """What one gate found. `verdict` is None where there was nothing to judge."""

    name: str
    verdict: Verdict | None
    line: str

    def __str__(self) -> str:
        return f"{self.verdict or 'not judged':<12} {self.name}: {self.line}"


@dataclass(frozen=True)
class Agreement:
    """How far a file is from what it was made from, as its run recorded it."""

    agreement: float  # share of test samples with the same class
    max_logit_difference: float


def overall(results: Sequence[Result]) -> Verdict:
    """The worst of all verdicts."""
    found = {result.verdict for result in results}
    return next(verdict for verdict in _ORDER if verdict in found)


def worst_first(results: Sequence[Result]) -> list[Result]:
    """Failures, then what is inconclusive, then the others."""
    order = [*_ORDER, None]
    return sorted(results, key=lambda result: order.index(result.verdict))


def latency(found: Comparison, limit: float) -> Result:
    """The engine's verdict on the ratio of times."""
    line = (
        f"{_ratio(found.ratio)} of the baseline's time (allowed {limit:g}×); "
        f"A/A control {_ratio(found.control)}; {found.launches} launches"
    )
    return Result("latency", found.verdict, line)


def accuracy(baseline: NDArray[np.uint8], candidate: NDArray[np.uint8], most_drop: float) -> Result:
    """Fails where the paired interval lies wholly below the drop that is allowed.

    Both are 0/1 for each test sample (N,). A change within noise is no drop.
    """
    change = paired_change([candidate], [baseline])
    failed = change.high < -most_drop
    allowed = f"a drop of {100 * most_drop:g} pp" if most_drop else "no measurable drop"
    line = (
        f"{baseline.mean():.2%} became {candidate.mean():.2%}: {points(change)} "
        f"on {len(baseline)} test samples (allowed: {allowed})"
    )
    return Result("accuracy", _verdict(failed), line)


def size(baseline: int, candidate: int, limit: float) -> Result:
    """Bytes of the files."""
    ratio = candidate / baseline
    line = (
        f"{bytes_text(baseline)} became {bytes_text(candidate)}: {ratio:.3f}× (allowed {limit:g}×)"
    )
    return Result("bytes", _verdict(ratio > limit), line)


def memory(baseline: NDArray[np.int64], candidate: NDArray[np.int64], limit: float) -> Result:
    """Median peak of the resident memory of fresh processes, in bytes; one value a process."""
    before, after = float(np.median(baseline)), float(np.median(candidate))
    line = (
        f"peak of {bytes_text(before)} became {bytes_text(after)}: {after / before:.3f}× "
        f"(allowed {limit:g}×); {len(candidate)} processes each"
    )
    return Result("memory", _verdict(after / before > limit), line)


def parity_classes(
    baseline: Agreement | None, candidate: Agreement | None, least: float | None
) -> Result:
    """The share of test samples with the class of what the file was made from."""
    if candidate is None:
        return Result("parity", None, _NO_PARENT)
    if least is None and baseline is None:
        return Result("parity", None, "not recorded in the baseline, and [gate] sets no limit")
    wanted = least
    if wanted is None and baseline is not None:
        wanted = baseline.agreement - PARITY_DROP
    failed = wanted is not None and candidate.agreement < wanted
    before = f", the baseline {baseline.agreement:.2%}" if baseline else ""
    line = (
        f"classes agree with what it was made from on {candidate.agreement:.2%}{before} "
        f"(at least {wanted:.2%})"
    )
    return Result("parity", _verdict(failed), line)


def parity_logits(candidate: Agreement | None, limit: float | None) -> Result | None:
    """The largest difference of a logit from what the file was made from; None without a limit."""
    if candidate is None or limit is None:
        return None
    found = candidate.max_logit_difference
    line = f"at most {found:.2g} from what it was made from (allowed {limit:g})"
    return Result("logits", _verdict(not found <= limit), line)  # so that nan is no pass


def _verdict(failed: bool) -> Verdict:
    return Verdict.FAIL if failed else Verdict.PASS


def _ratio(interval: Interval) -> str:
    return f"{interval.value:.3f}× ({interval.low:.3f}–{interval.high:.3f})"
