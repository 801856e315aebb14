"""A history on the terminal, and for programs as CSV and JSON."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

from compbench.history.history import History, letter
from compbench.history.runs import Moment, Moments
from compbench.history.series import Series, Step
from compbench.statistics.change_points import smallest
from compbench.statistics.correlated_noise import CORRELATION, POWER
from compbench.units import TEXT_WIDTH, counted, share

FORMATS = ("table", "csv", "json")


def render(found: History, runs: Moments, form: str, picture: str) -> str:
    """The history in one of `FORMATS`."""
    if form == "table":
        return table(found, runs)
    if form == "json":
        return json_text(found, runs, picture)
    if form == "csv":
        return csv(found)
    raise ValueError(form)


def table(found: History, runs: Moments) -> str:
    """The values of every run, then the steps, then what must be known."""
    title = f"{found.suite} on {found.target}: {found.metric.label}"
    parts = [title, *_grids(found), "\n".join(_wrapped(line) for line in steps(found))]
    return "\n\n".join([*parts, "\n".join(_wrapped(x) for x in notes(found, runs))]) + "\n"


def steps(found: History) -> Iterator[str]:
    """A line for each step, in the order of variants."""
    for series in found.series:
        for step in series.steps:
            yield _step(found, series, step)
    if not any(series.steps for series in found.series):
        yield "No steps."


def notes(found: History, runs: Moments) -> Iterator[str]:
    """What the reader must know: marks, the floor, runs told apart, too few, or left out."""
    if any(series.steps or any(p.remade for p in series.points) for series in found.series):
        yield "▲▼ a step; * the file is another one than in the run before."
    metric = found.metric
    if metric.is_log:
        yield (
            f"Noise floor: 95 % of these runs' A/A controls were within {share(found.floor)} of 1; "
            "no smaller step is marked."
        )
    elif found.floor:
        half = f"{metric.width_text(found.floor)}, the intervals' half-width"
        yield f"No step smaller than {half}, is marked."
    others = [m.run.headline.label for m in found.moments if metric.is_foreign(m.run.headline)]
    if others:
        said = " or ".join(dict.fromkeys(others))
        yield f"Left out: {counted(len(others), 'run')} judged by {said}."
    for group in range(1, max(found.groups) + 1):
        yield f"{letter(group)} is told apart from {letter(group - 1)}: {found.apart(group)}"
    for group in range(max(found.groups) + 1):
        most = max((_count(s, group) for s in found.series if group in s.short), default=0)
        if most:
            where = f" of {letter(group)}" if max(found.groups) else ""
            yield (
                f"{counted(most, 'run')}{where}: too few to look for steps there "
                f"({found.least} needed)"
            )
    yield from _unseen(found)
    for problem in runs.damaged:
        yield f"Left out: {problem}"
    if runs.unfinished:
        yield f"Left out, not ended: {', '.join(runs.unfinished)}"


def _unseen(found: History) -> Iterator[str]:
    """Which steps so few runs, whose noise may be correlated, need not show."""
    if not found.metric.is_noisy:
        return
    for group in range(max(found.groups) + 1):
        most = max((_count(s, group) for s in found.series), default=0)
        if most < found.least:
            continue
        where = f" of {letter(group)}" if max(found.groups) else ""
        size = smallest(most, found.demands)
        if size is None:
            yield f"{most} runs{where}: too few to tell a step from noise, unless it is very large"
        else:
            yield (
                f"{most} runs{where}: a step is found in {share(POWER, 0)} of cases if it is at "
                f"least {size:g} times as large as the runs' own noise (its standard deviation), "
                f"which may correlate by up to {CORRELATION:g} from run to run; a smaller one may "
                "go unseen."
            )


def csv(found: History) -> str:
    """`records`, with a header."""
    import pandas as pd

    return pd.DataFrame(records(found)).to_csv(index=False, lineterminator="\n")


def json_text(found: History, runs: Moments, picture: str) -> str:
    """The same for a program; shares are 0 to 1, steps of ratios relative."""
    content = {
        "suite": found.suite,
        "metric": found.metric.name,
        "target": found.target,
        "floor": found.floor,
        "runs": [_run(m, g) for m, g in zip(found.moments, found.groups, strict=True)],
        "steps": [_step_record(found, x, step) for x in found.series for step in x.steps],
        "points": records(found),
        "unfinished": runs.unfinished,
        "damaged": runs.damaged,
        "notes": list(notes(found, runs)),
        "picture": picture,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def records(found: History) -> list[dict[str, Any]]:
    """One for each variant and run. `group` tells apart what can't be compared; `step` is the size
    of one that begins there, `level_is_apart` where it is between groups."""
    rows = []
    for series in found.series:
        steps = {step.at: step for step in series.steps}
        for p in series.points:
            moment = found.moments[p.at]
            step = steps.get(p.at)
            size = found.metric.size(step.before, step.after) if step else None
            rows.append(
                {
                    "suite": found.suite,
                    **_run(moment, p.group),
                    "target": found.target,
                    "variant": series.variant,
                    "metric": found.metric.name,
                    **p.interval._asdict(),
                    "file": p.remade,
                    "step": size,
                    "step_is_apart": step.is_apart if step else None,
                }
            )
    return rows


def _grids(found: History) -> Iterator[str]:
    """Tables as wide as the terminal: a line for each run, the variants in as many as it takes."""
    from tabulate import tabulate

    used = {p.at for series in found.series for p in series.points}
    for block in _blocks(found.series):
        rows = []
        for at in sorted(used):
            moment = found.moments[at]
            row = {"run": moment.when, "commit": moment.short_commit}
            if max(found.groups):
                row["at"] = letter(found.groups[at])
            rows.append(row | {series.variant: _cell(found, series, at) for series in block})
        yield tabulate(rows, headers="keys", disable_numparse=True)


def _blocks(series: Sequence[Series]) -> Iterator[list[Series]]:
    block: list[Series] = []
    room = most = TEXT_WIDTH - 32  # after run, commit and letter
    for one in series:
        width = max(len(one.variant) + 2, 10) + 2  # as tabulate sets it
        if block and width > room:
            yield block
            block = []
            room = most
        block.append(one)
        room -= width
    yield block


def _cell(found: History, series: Series, at: int) -> str:
    point = next((p for p in series.points if p.at == at), None)
    if point is None:
        return "–"
    step = next((x for x in series.steps if x.at == at), None)
    mark = "" if step is None else " ▲" if step.after > step.before else " ▼"
    return found.metric.write(point.interval.value) + mark + ("*" if point.remade else "")


def _step(found: History, series: Series, step: Step) -> str:
    write = found.metric.write
    moment = found.moments[step.at]
    commits = dict.fromkeys((found.moments[step.since].short_commit, moment.short_commit))
    why = f"; {'; '.join(step.coincides)}" if step.coincides else ""
    apart = ": no change of the model by itself" if step.is_apart else ""
    size = found.metric.size_text(step.before, step.after)
    return (
        f"{series.variant}: {write(step.before)} → {write(step.after)} ({size}) from "
        f"{moment.when} on, commit {' → '.join(commits)}{why}{apart}"
    )


def _step_record(found: History, series: Series, step: Step) -> dict[str, Any]:
    return {
        "variant": series.variant,
        "run": found.moments[step.at].name,
        "before": step.before,
        "after": step.after,
        "size": found.metric.size(step.before, step.after),
        "coincides": step.coincides,
        "is_apart": step.is_apart,
    }


def _run(moment: Moment, group: int) -> dict[str, Any]:
    commit = moment.commit or None
    started = moment.run.started
    group_letter = letter(group) if group >= 0 else None
    return {"run": moment.name, "started": started, "git_commit": commit, "group": group_letter}


def _count(series: Series, group: int) -> int:
    return sum(p.group == group for p in series.points)


def _wrapped(line: str) -> str:
    return textwrap.fill(
        line,
        TEXT_WIDTH,
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
