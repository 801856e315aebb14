"""The table "In short": a line for each variant worth a look."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.best_use import best_uses, uses_of
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.results.record import Run
from compbench.statistics.lineage import kind
from compbench.statistics.pick import Choice, Constraints, pick
from compbench.statistics.summary import Summaries, Summary

ALL_SHOWN = 12  # a longer suite's summary has its best variants only


def summary_table(run: Run, summaries: Summaries, target: str) -> Table:
    """Model type, size, speed, quality and best use: for those who decide."""
    choice = pick(run, summaries, target)
    uses = best_uses(run, summaries, target, choice) if choice else {}
    if not uses and all(s.reason for s in summaries.of(target)):
        return []
    named = {s.variant for s in (choice.taken, choice.guess) if s} if choice else set()
    shown = _shown(summaries.of(target), {run.baseline, *named, *uses})
    return [
        {
            **_figures(run, s),
            "best use": _best_use(run, summaries, s, choice, uses.get(s.variant, [])),
        }
        for s in shown
    ]


def _shown(here: Sequence[Summary], best: set[str]) -> list[Summary]:
    measured = [s for s in here if not s.reason]
    return measured if len(measured) <= ALL_SHOWN else [s for s in measured if s.variant in best]


def _figures(run: Run, s: Summary) -> dict[str, str]:
    is_baseline, metric = s.variant == run.baseline, run.headline
    return {
        "model": f"`{s.variant}`",
        "type": kind(run, s.variant),
        "size": units.bytes_text(s.size_bytes),
        "latency": units.time_text(s.p50_ns),
        "speed": "1×" if is_baseline else units.speed_cell(s.speedup, s.faster),
        metric.label: metric.text(s.quality and s.quality.value),
        f"{metric.label} change": "0"
        if is_baseline
        else metric.change_cell(s.judged_change, s.better),
    }


def _best_use(
    run: Run, summaries: Summaries, s: Summary, choice: Choice | None, uses: list[str]
) -> str:
    """By the rules of `uses`; where there is none, why."""
    best = ", ".join(uses)
    is_open = choice is not None and not choice.is_within(s.variant)
    if best and is_open:
        best = f"perhaps {best}"
    is_baseline = s.variant == run.baseline
    if choice and s in (choice.taken, choice.guess) and not (is_baseline and choice.guess):
        label = "**recommended**" if s is choice.taken else "**best guess**"
        return f"{label}: {best}" if best else label
    if best:
        return best
    if s.variant == run.baseline:
        return "comparison"
    if choice and "drop" in choice.excluded.get(s.variant, {}):
        return "none: it loses more than the limit"
    if choice and not choice.may_be_within(s.variant):
        return "none shown: by the estimate it loses more than the limit"
    by = summaries.beaten_by.get((s.variant, s.target))
    if by:
        return f"none: `{by}` is no worse in all, better in some"
    if (s.variant, s.target) in summaries.on_front:
        return "a compromise: none is as good in all three"
    return "may be a compromise: none is shown to be as good in all three"


def rules(run: Run, table: Table) -> str:
    """How the summary's last column was found, of the uses that it names."""
    limit = f"{Constraints.of(run).drop_text} {run.headline.worse_side} the baseline"
    said = " ".join(row["best use"] for row in table)
    listed = "; ".join(f"*{u.label}*: {u.rule}" for u in uses_of(run) if f"{u.label} (" in said)
    is_unsure = any(units.UNSURE in cell for row in table for cell in row.values())
    signs = f" {units.UNSURE}: chance or noise could explain it." if is_unsure else ""
    if not listed:
        return signs.strip()
    perhaps = (
        " *Perhaps*: it is within the limit by the estimate, which is not shown."
        if "perhaps " in said
        else ""
    )
    return (
        f"Best use, among variants no more than {limit} on validation by the estimate, without "
        f"those that are shown to be beyond: {listed}.{perhaps}{signs}"
    )


class Section(SectionBase):
    """The summary for those who decide, with the picture of quality against latency."""

    order = 30

    def heading(self, page: Page) -> str:
        """With the target, where there are several."""
        return f"In short, on {page.measured[0]}" if len(page.run.targets) > 1 else "In short"

    def content(self, page: Page) -> Sequence[str]:
        """Of the first measured target."""
        table = summary_table(page.run, page.summaries, page.measured[0]) if page.measured else []
        if not table:
            return []
        picture = page.picture("pareto", page.measured[0])
        return [*with_legend(table, rules(page.run, table)), picture]
