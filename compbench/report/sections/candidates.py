"""Each variant beside the limits of the recommendation, with the figures that decide."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.results.record import Run
from compbench.statistics.noninferiority import Standing
from compbench.statistics.pick import OF_DROP, Choice, pick
from compbench.statistics.summary import Summaries, Summary


def candidates(summaries: Summaries, target: str, choice: Choice, noun: str = "image") -> Table:
    """A row for each measured variant but the baseline."""
    return [_row(s, choice, noun) for s in summaries.of(target) if s.variant in choice.drops]


def _row(s: Summary, choice: Choice, noun: str) -> dict[str, str]:
    drop = choice.drops[s.variant]
    needed = units.NOTHING
    if drop.standing is Standing.UNDECIDED:
        needed = (
            "none" if drop.samples_to_decide is None else units.count_text(drop.samples_to_decide)
        )
    reasons = choice.excluded.get(s.variant, {})
    others = [f"{name} ({figure})" for name, figure in reasons.items() if name not in OF_DROP]
    taken = "taken" if s is choice.taken else "best guess" if s is choice.guess else ""
    return {
        "variant": s.variant,
        "change on validation": drop.headline.change_text(drop.change),
        f"within {choice.constraints.drop_text}": drop.standing.value,
        f"{noun}s that would decide": needed,
        "speed": units.speed(s.speedup, s.faster),
        "choice": taken or ", ".join(others),
    }


class Section(SectionBase):
    """What the recommendation rests on."""

    order = 102
    per_target = True
    title = "Who keeps to the limit"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each variant."""
        choice = pick(page.run, page.summaries, page.target)
        if choice is None:
            return []
        found = candidates(page.summaries, page.target, choice, page.run.noun)
        return with_legend(found, _legend(page.run, choice))


_STAY = {
    True: "shares that stay as they are",
    False: "changes that stay as large and spread as far",
}


def _legend(run: Run, choice: Choice) -> str:
    judged_by = units.counted(run.dataset["samples"]["validation"], f"validation {run.noun}")
    return (
        f"The limit is [pick]'s: {choice.constraints.said(f'`{run.baseline}`')}. A variant is "
        "within it or beyond it only where the whole interval is, on the "
        f"{judged_by}. The ends of the intervals "
        f"are 95 % sure on either side{choice.together}, so that the best of many does not win by "
        f"luck. How many {run.noun}s would decide is told for "
        f"{_STAY[run.headline.has_binary_scores]}."
    )
