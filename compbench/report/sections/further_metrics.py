"""Further metrics: those without a place of their own, each in a column."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import metrics, units
from compbench.contracts.metric import FURTHER, Column, MetricBase
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.statistics.intervals import Interval
from compbench.statistics.summary import Figure, Summaries


def further_metrics(summaries: Summaries, target: str) -> Table:
    """What the metrics of this table say of each variant; empty where they say nothing."""
    shown = _shown(summaries, target)
    return [
        {
            "variant": s.variant,
            **{_title(m, name): _cell(m, name, s.further.get(name)) for m, name, _ in shown},
        }
        for s in summaries.of(target)
        if any(name in s.further for _, name, _ in shown)
    ]


def legend(summaries: Summaries, target: str) -> str:
    """What the columns mean, and which direction is better."""
    shown = _shown(summaries, target)
    words = [f"{_title(m, name).capitalize()}: {c.meaning}{_better(m)}." for m, name, c in shown]
    if any(column.has_interval for _, _, column in shown):
        words.append(
            "Intervals are each of one figure of these files, not corrected for their number: "
            "whether two differ is not tested here."
        )
    return " ".join(words)


def _shown(summaries: Summaries, target: str) -> list[tuple[MetricBase, str, Column]]:
    """The columns that any variant has a figure of, or a reason for none."""
    figures = {
        name
        for s in summaries.of(target)
        for name, figure in s.further.items()
        if figure.value is not None or figure.reason
    }
    return [
        (metric, name, column)
        for metric in metrics.every().values()
        if metric.is_further and metric.table == FURTHER
        for name, column in metric.given.items()
        if name in figures
    ]


def _title(metric: MetricBase, column: str) -> str:
    return metric.label if column == metric.name else column


def _better(metric: MetricBase) -> str:
    return "" if metric.better == "neither" else f" ({metric.better} is better)"


def _cell(metric: MetricBase, column: str, figure: Figure | None) -> str:
    if figure is None or figure.value is None:
        return (figure and figure.reason) or units.NOTHING
    if isinstance(figure.value, Interval):
        value, low, high = (metric.text(column, x) for x in figure.value)
        return f"{value} ({low}–{high})"
    return metric.text(column, figure.value)


class Section(SectionBase):
    """The figures of metrics that no other section shows."""

    order = 235
    per_target = True
    title = "Further metrics"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each variant; nothing where no such metric was measured."""
        table = further_metrics(page.summaries, page.target)
        return with_legend(table, legend(page.summaries, page.target))
