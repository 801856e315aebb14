"""How variants degrade on shifted test samples, and how sure they are of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from compbench import units
from compbench.report.pictures.selection import MOST_SHIFTED, has_curves, shown
from compbench.report.section import Page, Picture, SectionBase, Table, bullets, markdown
from compbench.report.wording import HOLM, whose
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.calibration import BINS
from compbench.statistics.degradation import METRIC, Degradation
from compbench.statistics.intervals import ALPHA
from compbench.statistics.summary import Summaries, Summary

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST = 6  # variants that a sentence names
_LOSES = {-1: "more", 1: "less", 0: "undecided"}


def quality_table(run: Run, summaries: Summaries, target: str) -> Table:
    """The metric as the samples are, under each shift and under all, and what is lost so."""
    return [_row(run, s, found) for s, found in _tried(summaries, target)]


def _row(run: Run, s: Summary, found: Degradation) -> dict[str, str]:
    metric = run.headline
    row = {"variant": s.variant, "as they are": metric.interval_text(found.quality)}
    for name in run.shifts:
        change = found.changes.get(name)
        cell = metric.interval_text(found.by_shift.get(name))
        row[name] = f"**{cell}**" if change and change.side < 0 else cell
    if len(run.shifts) > 1:
        row["all shifts"] = metric.interval_text(found.shifted)
    change = found.change
    row["beside"] = found.reference or units.NOTHING
    row["change beside it"] = metric.change_cell(change and change.interval, s.shifted_better)
    row["p"] = units.p_value(change and change.p_value)
    row["it loses"] = _LOSES[change.side] if change else units.NOTHING
    row["about"] = whose(change.seeds) if change else units.NOTHING
    return row


def answer_table(run: Run, summaries: Summaries, target: str) -> Table:
    """Whether the answers are those of a teacher or the baseline, and as sure as they are right."""
    return [_answers(run, s, found) for s, found in _tried(summaries, target)]


def _answers(run: Run, s: Summary, found: Degradation) -> dict[str, str]:
    row = {
        "variant": s.variant,
        "answers as": found.reference or units.NOTHING,
        "as they are": units.percent(found.agreement),
        "shifted": units.percent(found.shifted_agreement),
    }
    if run.has_classes:
        row["calibration error as they are"] = units.share(found.calibration, 2)
        row["calibration error shifted"] = units.share(found.shifted_calibration, 2)
    return row


def verdict(run: Run, summaries: Summaries, target: str) -> str:
    """Which variants lose significantly more than their teacher or the baseline, in a sentence."""
    judged = [(s, d) for s, d in _tried(summaries, target) if d.change]
    if not judged:
        return ""
    label = run.headline.label
    groups = {side: [p for p in judged if p[0].shifted_better == side] for side in (-1, 1, 0)}
    said = [
        f"{_named(run, groups[side])} {'loses' if len(groups[side]) == 1 else 'lose'} {how} {label}"
        for side, how in ((-1, "significantly more"), (1, "significantly less"))
        if groups[side]
    ]
    whom = "than the teacher, or the baseline where there is none"
    words = (
        f"On samples shifted so {'; '.join(said)} {whom}."
        if said
        else (f"No variant is shown to lose more {label} on samples shifted so {whom}.")
    )
    if groups[0]:
        words += f" Undecided: {_named(run, groups[0])}."
    return words


def _named(run: Run, group: Sequence[tuple[Summary, Degradation]]) -> str:
    """Names with their changes, or a part of them where they are many."""
    metric = run.headline
    names = [
        f"`{s.variant}` ({metric.change_text(d.change.interval)} beside `{d.reference}`)"
        for s, d in group[:_MOST]
        if d.change
    ]
    if len(group) > _MOST:
        names.append(units.counted(len(group) - _MOST, "other"))
    return _joined(names)


def failures(run: Run, rows: Rows, summaries: Summaries, target: str) -> list[str]:
    """What of this was tried and could not be measured, a line each."""
    none = [
        f"{row.shift} at severity {row.severity}: {row.reason}"
        for row in rows.of("", METRIC, target)
    ]
    return none + [
        f"`{s.variant}`: {reason}"
        for s, found in _tried(summaries, target)
        for reason in found.reasons
    ]


def _tried(summaries: Summaries, target: str) -> list[tuple[Summary, Degradation]]:
    return [(s, s.degradation) for s in summaries.of(target) if s.degradation]


class Section(SectionBase):
    """What other samples than those of the test split do to each variant."""

    order = 205
    per_target = True
    title = "What shifted samples do"

    def pictures(self, page: Page) -> Sequence[Picture]:
        """Curves by severity, a panel a shift."""
        chosen = shown(page.run, page.summaries, page.target, has_curves, MOST_SHIFTED)
        if not chosen.summaries:
            return []
        label = page.run.headline.label
        alt = f"{page.run.headline.title} by how strongly test {page.run.noun}s are shifted"
        caption = (
            f"Who degrades first: {label} by severity of each shift, 0 being the test "
            f"{page.run.noun}s as they are, with 95 % intervals, each of these files on other "
            f"{page.run.noun}s. {chosen.note}"
        ).strip()
        return [Picture("shifts", page.target, alt, caption, partial(_draw, page))]

    def content(self, page: Page) -> Sequence[str]:
        """What is shown to lose more, the picture, and both tables."""
        run, summaries, target = page.run, page.summaries, page.target
        failed = bullets(failures(run, page.rows, summaries, target))
        table = quality_table(run, summaries, target)
        if not table:
            return [failed]
        return [
            verdict(run, summaries, target),
            page.picture("shifts"),
            markdown(table),
            _legend(run),
            markdown(answer_table(run, summaries, target)),
            _answer_legend(run),
            failed,
        ]


def _legend(run: Run) -> str:
    label, noun = run.headline.label, run.noun
    groups = "all variants under each shift" + (" and under all" if len(run.shifts) > 1 else "")
    several = ", that of all shifts the mean over them" if len(run.shifts) > 1 else ""
    return (
        f"{run.headline.title} of the same test {noun}s, as they are and with {_severities(run)}. "
        f"A shift's value is the mean over its severities{several}, with 95 % intervals for these "
        f"files on other {noun}s. Change: what shifts change of {label}, less what they change of "
        f"it for the variant named beside, paired on the same {noun}s; what had been lost before "
        "does not count. In bold: it loses significantly more under this shift than that one. p: "
        f"{_test(run)}, {HOLM} for {groups}; significant is below {ALPHA:.2f}, and ≈ marks what "
        "chance could explain. The severities were fixed before anything was measured; choose "
        "nothing by them, since they are made of test samples."
    )


def _severities(run: Run) -> str:
    """noise and blur at severities 1 to 5, contrast at severities 1, 3."""
    groups: dict[str, list[str]] = {}
    for name, one in run.shifts.items():
        plugin = "" if one["shift"] == name else f" (`{one['shift']}`)"
        groups.setdefault(_listed(one["severities"]), []).append(f"{name}{plugin}")
    return "; ".join(f"{_joined(names)} at {listed}" for listed, names in groups.items())


def _listed(severities: Sequence[int]) -> str:
    first, last = severities[0], severities[-1]
    if len(severities) > 2 and [*severities] == [*range(first, last + 1)]:
        return f"severities {first} to {last}"
    noun = "severity" if len(severities) == 1 else "severities"
    return f"{noun} {', '.join(map(str, severities))}"


def _joined(words: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if words[1:] else words[0]


def _test(run: Run) -> str:
    signs = "a test by random signs of the samples' differences"
    if len(run.seeds) > 1:
        return (
            f"of the techniques, by a t-test over seeds and {run.noun}s (crossed effects), never "
            f"surer than {signs} of these files"
        )
    return f"of these files, by {signs}; a single seed tells nothing of training again"


def _answer_legend(run: Run) -> str:
    words = (
        "Answers: the share of samples whose answer is also that of the variant named, mean over "
        "seeds, shifts and severities."
    )
    if not run.has_classes:
        return words
    return (
        f"{words} Calibration error: how far confidence is from the share that is right, the mean "
        f"over {BINS} bins of equal width (expected calibration error; Guo et al. 2017, "
        "arXiv:1706.04599), of shifted samples the mean over shifts and severities; 0 is best. It "
        "has no interval, and of few samples it is too large."
    )


def _draw(page: Page) -> Figure:
    from compbench.report.pictures.shifts import degradation_curves

    return degradation_curves(page.run, page.summaries, page.target)
