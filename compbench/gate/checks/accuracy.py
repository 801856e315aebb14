"""Did the candidate get worse on the test split? Both sides' answers to each sample are paired."""

from __future__ import annotations

from math import sqrt
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from compbench import units
from compbench.gate import answers
from compbench.gate.check import Evidence, GateCheck, Result, Verdict

MOST = 0.01  # of accuracy: the most that is allowed where nobody said how much
_Z_SURE, _Z_FOUND = 1.751, 0.842  # of 96 % (`answers.SURE`), and of 80 %
_DIFFERING = 0.01  # share of samples


def resolved(samples: int) -> float:
    """The drop that is allowed where nobody said how much, 0 to 1: what so many can resolve.

    An equally accurate file that answers 1 % of the samples otherwise is cleared of it in four of
    five cases.
    """
    return min(MOST, (_Z_SURE + _Z_FOUND) * sqrt(_DIFFERING / samples))


class Check(GateCheck):
    """Tango's interval of the paired difference against the drop that is allowed.

    Its lower end is sure to 95 %; its upper end so sure that no more than 1 % of whole gates have a
    false alarm, however many files they judge.
    """

    order = 20
    figure = "paired difference on the test split, of both files on this machine"
    fails = (
        "the whole interval is beyond the drop allowed: what the split can resolve, at most "
        f"{100 * MOST:g} pp"
    )

    accuracy_drop: Annotated[float | str, AfterValidator(units.parse_share)] | None = Field(
        default=None,
        description=(
            "drop of accuracy allowed: '1pp', or 0 to 1; without it what the test split can "
            "resolve, at most 1pp; with 0 only the same file passes, or a better one"
        ),
    )

    def judge(self, evidence: Evidence) -> Result:
        """By both files' answers on this machine."""
        candidate, baseline = evidence.measured.correct
        if evidence.is_same_file:
            line = f"the same file, byte for byte: {baseline.mean():.2%}"
            return self.result(Verdict.PASS, f"{line} of {len(baseline)} test samples")
        return self.judge_answers(baseline, candidate, evidence.pairs)

    def judge_answers(
        self, baseline: NDArray[np.uint8], candidate: NDArray[np.uint8], pairs: int = 1
    ) -> Result:
        """Both are 0/1 for each test sample (N,); `pairs` are judged together."""
        from compbench.statistics.paired_proportions import Disagreement

        found = Disagreement.of([candidate], [baseline])
        most, why = self._allowed(found.samples)
        verdict, bounds = answers.judge_drop(found, most, pairs)
        line = (
            f"{baseline.mean():.2%} became {candidate.mean():.2%}: "
            f"{units.points((found.change, *bounds))} on {found.samples} test samples "
            f"(allowed: a drop of {100 * most:.3g} pp, {why}{_shared(pairs)})"
        )
        if verdict is Verdict.INCONCLUSIVE:
            line = f"{line}; {answers.drop_to_decide(found, most, pairs)}"
            if most == 0 and found.change == 0:
                line = f"{line}; allow a drop, or leave accuracy_drop out"
        return self.result(verdict, line)

    def _allowed(self, samples: int) -> tuple[float, str]:
        """The drop, and where that is from."""
        if self.accuracy_drop is not None:
            return float(self.accuracy_drop), "accuracy_drop"
        most = resolved(samples)
        return most, "the default" if most == MOST else "what so many can resolve"


def _shared(pairs: int) -> str:
    return "" if pairs == 1 else f"; {pairs} files judged"
