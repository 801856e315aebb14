"""What a gate check is: limits, what it measures, and how it judges a candidate by them.

Every check is a file of `checks/` with a class `Check`: its fields are its limits in `[gate]` of a
suite file and in pytest's configuration. Importing one must be cheap, since suites are read by it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from compbench.contracts import Options
from compbench.errors import JobFailed
from compbench.headline import Headline
from compbench.results import upgrade

if TYPE_CHECKING:
    from compbench.contracts.inputs import Inputs
    from compbench.gate.snapshot import Snapshot
    from compbench.runtime.target import Target


class Verdict(StrEnum):
    """What a check allows one to say; INCONCLUSIVE is never a pass."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"


def against(low: float, high: float, limit: float) -> Verdict:
    """By the interval of a figure that may be at most `limit`: the estimate decides nothing."""
    if low > limit:
        return Verdict.FAIL
    return Verdict.PASS if high <= limit else Verdict.INCONCLUSIVE  # so that nan is no pass


_ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


@dataclass(frozen=True)
class Result:
    """What one check found. `verdict` is None where there was nothing to judge."""

    name: str
    verdict: Verdict | None
    line: str

    def __str__(self) -> str:
        return f"{self.verdict or 'not judged':<12} {self.name}: {self.line}"


def overall(results: Sequence[Result]) -> Verdict:
    """The worst of all verdicts."""
    found = {result.verdict for result in results}
    return next(verdict for verdict in _ORDER if verdict in found)


def worst_first(results: Sequence[Result]) -> list[Result]:
    """Failures, then what is inconclusive, then the others."""
    order = [*_ORDER, None]
    return sorted(results, key=lambda result: order.index(result.verdict))


@dataclass(frozen=True)
class Pair:
    """A variant on a target; a side without the variant has no file there."""

    variant: str
    target_name: str
    target: Target
    candidate: Path | None
    baseline: Path | None

    def __str__(self) -> str:
        return f"{self.variant}[{self.target_name}]"

    @property
    def files(self) -> tuple[Path, Path]:
        """The candidate's and the baseline's, where both are there."""
        assert self.candidate is not None and self.baseline is not None
        return self.candidate, self.baseline


@dataclass(frozen=True)
class Measured:
    """What both files did on this machine: candidate first, baseline second."""

    scores: tuple[NDArray[Any], NDArray[Any]]  # the task's, one for each test sample
    agreement: float  # how far both give the same answers, mean over test samples
    own: Mapping[str, Any]  # name of a check -> what its `measure` returned


@dataclass(frozen=True)
class Agreement:
    """How far a file is from what it was made from, as its run recorded it."""

    agreement: float  # share of test samples with the same answer
    max_logit_difference: float


@dataclass(frozen=True)
class Evidence:
    """All that a check may judge by: the two files, what was measured here, what was recorded."""

    pair: Pair
    measured: Measured
    candidate: Snapshot
    baseline: Snapshot
    pairs: int = 1  # that the whole gate judges: false alarms are shared among so many

    @property
    def task(self) -> Mapping[str, Any]:
        """What the baseline recorded of its task; of before there were tasks, classification."""
        return self.baseline.record.task or upgrade.CLASSIFICATION

    @property
    def headline(self) -> Headline:
        """The metric that both are judged by."""
        return Headline(**self.task["headline"])

    @property
    def is_same_file(self) -> bool:
        """Whether both sides have the same bytes of the variant."""
        ours, theirs = (
            side.record.variants[self.pair.variant] for side in (self.candidate, self.baseline)
        )
        return ours.sha256 == theirs.sha256

    def agreement(self, side: Snapshot) -> Agreement | None:
        """What a side's run recorded of the variant on the target; None where it did not."""
        classes = side.row(self.pair.variant, "parity_agreement", self.pair.target_name)
        logits = side.row(self.pair.variant, "parity_relative", self.pair.target_name)
        if logits is None:  # a run of before limits were relative to the outputs' spread
            logits = side.row(self.pair.variant, "parity_max_abs", self.pair.target_name)
        if not (classes and logits) or classes.value is None or logits.value is None:
            return None
        return Agreement(classes.value, logits.value)


class GateCheck(Options, ABC):
    """Base of the class `Check` in every file of `gate/checks/`; its fields are its limits.

    `figure` and `fails` are its cells in docs/gate.md, where `{field}` is a field's default.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    order: ClassVar[int]  # checks are told from the smallest on
    figure: ClassVar[str]
    fails: ClassVar[str]
    efforts: ClassVar[tuple[str, ...]] = ()  # fields that are no limits: how much is measured

    @property
    def name(self) -> str:
        """Its file's name."""
        return type(self).__module__.rpartition(".")[2]

    def refuse_unlike(self, headline: Headline) -> None:
        """Raises ValueError where its limits can't be those of a task with this metric."""

    def measure(self, pair: Pair, inputs: Inputs) -> Any:
        """What it must measure by itself: it stands in `Measured.own`. Raises JobFailed."""
        return None

    @abstractmethod
    def judge(self, evidence: Evidence) -> Result | None:
        """Its verdict with a line; None where it has nothing to say."""

    def result(self, verdict: Verdict | None, line: str) -> Result:
        """What it found."""
        return Result(self.name, verdict, line)

    def passed(self, is_passed: bool, line: str) -> Result:
        """The result of a plain comparison with a limit."""
        return self.result(Verdict.PASS if is_passed else Verdict.FAIL, line)


@contextmanager
def names_side(side: str, file: Path) -> Iterator[None]:
    """Says in a failure's reason which of the two files it is of."""
    try:
        yield
    except JobFailed as error:
        raise JobFailed(f"{side}, {file}: {error}", error.details) from error
