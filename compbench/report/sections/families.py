"""The families of compression side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from compbench import units
from compbench.headline import Headline
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.results.record import Run
from compbench.statistics.lineage import CHAIN, family
from compbench.statistics.pick import Choice, as_fast_as_any, pick
from compbench.statistics.summary import Summaries, Summary


def by_family(run: Run, summaries: Summaries, target: str) -> Table:
    """Each family's range, and its fastest and smallest within the limit of quality."""
    groups: dict[str, list[Summary]] = defaultdict(list)
    for s in summaries.of(target):
        if s.variant != run.baseline and s.speedup and s.change:
            groups[family(run, s.variant)].append(s)
    names = [*(name for name in groups if name != CHAIN), *(n for n in groups if n == CHAIN)]
    if len(names) < 2:
        return []
    choice = pick(run, summaries, target)
    return (
        [_family_row(name, groups[name], choice, run.headline) for name in names] if choice else []
    )


def _family_row(
    name: str, group: list[Summary], choice: Choice, headline: Headline
) -> dict[str, str]:
    changes = [s.change.value for s in group if s.change]
    low, high = map(headline.bare, (min(changes), max(changes)))
    within = [s for s in group if choice.is_within(s.variant)]
    maybe = [s for s in group if s not in within and choice.may_be_within(s.variant)]
    fastest = min(as_fast_as_any(within), key=_bytes) if within else None
    smallest = min(within, key=_bytes, default=None)
    return {
        "family": name,
        "variants": str(len(group)),
        "within the limit": str(len(within)),
        "perhaps": str(len(maybe)),
        headline.with_step(f"{headline.label} change"): low if low == high else f"{low} to {high}",
        "fastest within it": _fastest(fastest) if fastest else units.NOTHING,
        "smallest within it": f"`{smallest.variant}` {units.bytes_text(smallest.size_bytes)}"
        if smallest
        else units.NOTHING,
    }


def _fastest(s: Summary) -> str:
    return f"`{s.variant}` {units.speed_cell(s.speedup, s.faster)}"


def _bytes(s: Summary) -> float:
    return s.size_bytes or 0.0


class Section(SectionBase):
    """Families of techniques side by side, where there are several."""

    order = 130
    per_target = True
    title = "By family"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each family."""
        return with_legend(by_family(page.run, page.summaries, page.target), _legend(page.run))


def _legend(run: Run) -> str:
    label = run.headline.label
    drop = "drop in" if run.headline.better == "higher" else "rise in"
    return (
        f"Without the baseline. The limit is the {drop} {label} that [pick] allows; within it is "
        f"what the validation {run.noun}s show to be, perhaps what only looks so by the estimate. "
        "Of those that can't be told from the fastest the smallest is shown; "
        f"{units.UNSURE}: noise could explain its lead over the baseline. Changes of {label} are "
        "estimates, and “Could it be chance?” says which are differences; two kinds of step after "
        "each other make a chain."
    )
