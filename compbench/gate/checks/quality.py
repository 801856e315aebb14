"""Did the candidate get worse on the test split? Both sides' scores of each sample are paired."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, Any

from numpy.typing import NDArray
from pydantic import AfterValidator, AliasChoices, Field

from compbench import units
from compbench.gate import answers
from compbench.gate.check import Evidence, GateCheck, Result, Verdict
from compbench.headline import ACCURACY, Headline, Loss, readable_loss

MOST = ACCURACY.loss().most  # of a share: the most that is allowed where nobody said how much
_Z_SURE, _Z_FOUND = 1.751, 0.842  # of 96 % (`answers.SURE`), and of 80 %
_DIFFERING = 0.01  # share of samples


def resolved(samples: int) -> float:
    """The drop of a share of right answers that is allowed where nobody said how much, 0 to 1.

    What so many samples can resolve: an equally good file that answers 1 % of them otherwise is
    cleared of it in four of five cases.
    """
    return min(MOST, (_Z_SURE + _Z_FOUND) * sqrt(_DIFFERING / samples))


class Check(GateCheck):
    """The interval of the paired difference of the task's metric against the loss allowed.

    Tango's where a sample is right or wrong, else Student's, corrected for skewness. Its worse end
    is sure to 95 %; its better end so sure that no more than 1 % of whole gates have a false alarm,
    however many files they judge. It is told by the metric's own name: accuracy, rmse.
    """

    order = 20
    figure = "paired difference of the task's metric on the test split, of both files here"
    fails = (
        "the whole interval is beyond the loss allowed: of accuracy what the split can resolve, at "
        f"most {100 * MOST:g} pp; of other metrics {100 * MOST:g} pp, or {100 * MOST:g} % of the "
        "baseline's value"
    )

    quality_drop: Annotated[float | str, AfterValidator(readable_loss)] | None = Field(
        default=None,
        validation_alias=AliasChoices("quality_drop", "accuracy_drop"),
        description=(
            "loss of the task's metric allowed: '1pp', or 0 to 1, of shares such as accuracy; else "
            "in its unit, or '2%' of the baseline's value; without it what the test split can "
            "resolve, at most 1pp, of other metrics 1pp or 1%; with 0 only the same file passes, "
            "or a better one"
        ),
    )

    def refuse_unlike(self, headline: Headline) -> None:
        """Raises ValueError where the loss is none of this metric."""
        try:
            headline.loss(self.quality_drop)
        except ValueError as error:
            raise ValueError(f"quality_drop: {error}") from error

    def judge(self, evidence: Evidence) -> Result:
        """By both files' scores on this machine."""
        candidate, baseline = evidence.measured.scores
        metric = evidence.headline
        if evidence.is_same_file:
            line = f"the same file, byte for byte: {_text(metric, metric.value(baseline))}"
            return Result(metric.name, Verdict.PASS, f"{line} of {len(baseline)} test samples")
        return self.judge_scores(baseline, candidate, evidence.pairs, metric)

    def judge_scores(
        self,
        baseline: NDArray[Any],
        candidate: NDArray[Any],
        pairs: int = 1,
        headline: Headline = ACCURACY,
    ) -> Result:
        """A score for each test sample (N,) of both; `pairs` are judged together."""
        from compbench.statistics.scores import paired

        found = paired([candidate], [baseline], headline)
        before, after = headline.value(baseline), headline.value(candidate)
        loss, why = self._allowed(found.samples, headline)
        most = loss.of(before)
        verdict, bounds = answers.judge_drop(found, most, pairs, headline)
        line = (
            f"{_text(headline, before)} became {_text(headline, after)}: "
            f"{headline.change_text((found.change, *bounds))} on {found.samples} test samples "
            f"(allowed: a {_side(headline)} of {_limit(headline, loss, most)}, {why}"
            f"{_shared(pairs)})"
        )
        if verdict is Verdict.INCONCLUSIVE:
            line = f"{line}; {answers.drop_to_decide(found, most, pairs, headline)}"
            if most == 0 and found.change == 0:
                line = f"{line}; allow a {_side(headline)}, or leave quality_drop out"
        return Result(headline.name, verdict, line)

    def _allowed(self, samples: int, headline: Headline) -> tuple[Loss, str]:
        """The loss, and where that is from."""
        if self.quality_drop is not None:
            return headline.loss(self.quality_drop), "quality_drop"
        if not headline.has_binary_scores:
            return headline.loss(), "the default"
        most = resolved(samples)
        return Loss(most), "the default" if most == MOST else "what so many can resolve"


def _text(headline: Headline, value: float) -> str:
    return f"{value:.2%}" if headline.is_share else headline.text(value)


def _side(headline: Headline) -> str:
    return "drop" if headline.better == "higher" else "rise"


def _limit(headline: Headline, loss: Loss, most: float) -> str:
    """0.259 pp; 0.05 eV; 0.00324 eV, which is 1 % of the baseline's RMSE."""
    if headline.is_share:
        return f"{100 * most:.3g} pp"
    found = f"{units.three_digits(most)} {headline.unit}".rstrip()
    return f"{found}, which is {headline.loss_text(loss)}" if loss.is_relative else found


def _shared(pairs: int) -> str:
    return "" if pairs == 1 else f"; {pairs} files judged"
