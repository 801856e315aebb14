"""A run as a terminal shows it: a table for each target, which variant to take, what failed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from compbench import units
from compbench.headline import Headline
from compbench.results.record import Run
from compbench.statistics.certainty import busy_machine, smallest_difference
from compbench.statistics.pick import Choice, pick, sentence
from compbench.statistics.summary import Summaries, Summary

_REASON = 160  # characters of a reason; the report has all of it
_MARKS = {
    "★": "recommended",
    "☆": "best guess, not shown to be within the limit",
    "●": "Pareto front ({}, speed, bytes)",
    "○": "perhaps on the front",
    units.UNSURE: "chance or noise could explain it",
}


def overview(run: Run, summaries: Summaries) -> Iterator[RenderableType]:
    """For each target its table, what was skipped or failed there, and the answer."""
    for target in run.targets:
        choice = pick(run, summaries, target)
        measured = [s for s in summaries.of(target) if not s.reason]
        if measured:
            rows = [_cells(run, summaries, s, choice) for s in measured]
            yield _table(run, target, rows, [_style(run, summaries, s) for s in measured])
            yield from _legend(
                {mark for row in rows for cell in row for mark in cell}, run.headline
            )
            yield from _certainty(run, summaries, target)
        yield from _problems(summaries, target)
        yield Text(_answer(run, summaries, target, choice), style="bold")
        yield ""


def _answer(run: Run, summaries: Summaries, target: str, choice: Choice | None) -> str:
    """Which variant to take on a target, in a line or two."""
    if choice is None:
        return f"{target}: no answer, since the baseline {run.baseline} has no figures"
    return sentence(run, summaries, target, choice)


def _table(run: Run, target: str, rows: list[list[str]], styles: list[str]) -> Table:
    table = Table(
        title=f"{run.suite} on {target}",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        header_style="bold",
    )
    table.add_column("variant", overflow="fold", max_width=26)
    metric = run.headline
    change = metric.with_step(f"vs {run.baseline}")
    for name in (metric.label, change, "bytes", "smaller", "speed-up", ""):
        is_number = name in (metric.label, "bytes", "smaller")
        table.add_column(name, justify="right" if is_number else "left", overflow="fold")
    for row, style in zip(rows, styles, strict=True):
        table.add_row(*(Text(cell) for cell in row), style=style)
    return table


def _cells(run: Run, summaries: Summaries, s: Summary, choice: Choice | None) -> list[str]:
    is_baseline = s.variant == run.baseline
    marks = {
        "★": choice is not None and s is choice.taken and not (is_baseline and choice.guess),
        "☆": choice is not None and s is choice.guess,
        "●": (s.variant, s.target) in summaries.on_front,
        "○": (s.variant, s.target) in summaries.may_be_on_front,
    }
    return [
        s.variant,
        run.headline.text(s.quality and s.quality.value),
        "baseline" if is_baseline else _change(run.headline, s),
        units.bytes_text(s.size_bytes),
        "" if is_baseline else units.smaller_cell(s.size_ratio),
        "" if is_baseline else units.speed_cell(s.speedup, s.faster),
        "".join(mark for mark, applies in marks.items() if applies),
    ]


def _change(metric: Headline, s: Summary) -> str:
    """Without the unit, which the column's head has."""
    cell = metric.change_cell(s.judged_change, s.better)
    return cell.replace(f" {metric.step}", "", 1) if metric.step else cell


def _style(run: Run, summaries: Summaries, s: Summary) -> str:
    if s.variant == run.baseline:
        return "cyan"
    if (s.variant, s.target) in summaries.on_front:
        return "green"
    return "red" if s.faster < 0 else ""


def _legend(used: set[str], metric: Headline) -> Iterator[RenderableType]:
    told = [
        f"{mark} {meaning.format(metric.label)}" for mark, meaning in _MARKS.items() if mark in used
    ]
    if told:
        yield Text("; ".join(told), style="dim")


def _certainty(run: Run, summaries: Summaries, target: str) -> Iterator[RenderableType]:
    """How small a difference could be seen, and whether others used the machine meanwhile."""
    smallest = smallest_difference(summaries, target)
    if smallest:
        yield Text(smallest, style="dim")
    busy = busy_machine(summaries, target, run.baseline)
    if busy:
        yield Text(busy, style="yellow")


def _problems(summaries: Summaries, target: str) -> Iterator[RenderableType]:
    """What was skipped or failed: all variants of one reason in one line."""
    variants = defaultdict(list)
    for s in summaries.of(target):
        if s.reason:
            variants[s.reason].append(s.variant)
    for reason, names in variants.items():
        status, _, why = reason.partition(": ")
        why = why if len(why) <= _REASON else f"{why[: _REASON - 1].rstrip()}…"
        is_all = len(names) == len(summaries.of(target))
        who = f"all {len(names)} variants" if is_all and len(names) > 1 else ", ".join(names)
        yield Text(f"{status} on {target}: {who}: {why}", style="yellow")
