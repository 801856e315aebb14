"""Each sweep of the suite: a table, and a picture where it is over one option or two."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench import units
from compbench.report.section import Page, Picture, SectionBase, Table, with_legend
from compbench.report.wording import size_text
from compbench.results.record import Run
from compbench.statistics.summary import Summaries, Summary
from compbench.statistics.sweeps import Sweep, best, sweeps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DRAWN = 2  # options at most


def points(run: Run, summaries: Summaries, target: str, sweep: Sweep) -> Table:
    """A row for each variant of a sweep."""
    found = best(sweep, summaries, target, run)
    by_name = {s.variant: s for s in summaries.of(target) if s.variant in sweep.points}
    return [
        {
            **dict(zip(sweep.options, map(value_text, values), strict=True)),
            "variant": f"**{name}**" if found and found.variant == name else name,
            **_figures(run, by_name[name]),
        }
        for name, values in sweep.points.items()
        if name in by_name
    ]


def _figures(run: Run, s: Summary) -> dict[str, str]:
    headline = run.headline
    if s.quality is None:
        return {"validation": s.reason or units.NOTHING}
    return {
        "validation": headline.text(s.validation_quality),
        f"{headline.label} (test)": headline.interval_text(s.quality),
        "bytes": size_text(s.size_bytes, None),
        "p50": units.time_text(s.p50_ns),
    }


def value_text(value: object) -> str:
    """A value of an option as a suite file has it, in short."""
    return f"{value:g}" if isinstance(value, float) else str(value)


class Section(SectionBase):
    """What each option was worth; the best point is the one by validation."""

    order = 165
    per_target = True
    title = "Sweeps"

    def pictures(self, page: Page) -> Sequence[Picture]:
        """One for each sweep, on the first target: by quality they hardly differ."""
        if not page.is_first:
            return []
        return [
            Picture(
                f"sweep-{sweep.name}",
                page.target,
                f"{page.run.headline.title} by {' and '.join(sweep.options)} of {sweep.name}",
                _caption(page.run, sweep),
                partial(_draw, page, sweep),
            )
            for sweep in sweeps(page.run)
            if len(sweep.options) <= _DRAWN and _has_figures(page, sweep)
        ]

    def content(self, page: Page) -> Sequence[str]:
        """For each sweep its name, table and picture."""
        blocks: list[str] = []
        for sweep in sweeps(page.run):
            if not _has_figures(page, sweep):
                continue
            table = points(page.run, page.summaries, page.target, sweep)
            options = units.counted(len(sweep.options), "option")
            blocks.append(f"`{sweep.name}`, {len(sweep.points)} points of {options}:")
            blocks += with_legend(table, _legend(page, sweep))
            blocks.append(page.picture(f"sweep-{sweep.name}"))
        return blocks


def _has_figures(page: Page, sweep: Sweep) -> bool:
    there = {s.variant for s in page.summaries.of(page.target) if s.quality is not None}
    return len(there & {*sweep.points}) > 1


def _legend(page: Page, sweep: Sweep) -> str:
    found = best(sweep, page.summaries, page.target, page.run)
    if found is None:
        return ""
    metric, count = page.run.headline, len(sweep.points)
    return (
        f"In bold: the best by validation {metric.label}, `{found.variant}` with "
        f"{metric.text(found.validation_quality)}. It is the luckiest of {count} there as well as "
        "perhaps the best, so that its figure on validation is too good; the test split chose "
        "nothing."
    )


def _caption(run: Run, sweep: Sweep) -> str:
    if len(sweep.options) == 1:
        return (
            f"{run.headline.title} on the test split, with 95 % intervals of these files on other "
            f"{run.noun}s, and on validation, by which a point is to be chosen."
        )
    return (
        f"{run.headline.title} on validation, by which a point is to be chosen, and on the test "
        "split. A frame is around the best by validation."
    )


def _draw(page: Page, sweep: Sweep) -> Figure:
    from compbench.report.pictures.sweeps import curve, heat_maps

    draw = curve if len(sweep.options) == 1 else heat_maps
    return draw(page.run, page.summaries, page.target, sweep)
