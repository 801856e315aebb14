"""Run, rows and summaries -> the whole report in markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from compbench.report import legends, section
from compbench.report.gaps import gaps
from compbench.report.pictures.gallery import Picture, gallery
from compbench.report.sections import (
    absent,
    across,
    answer,
    chance,
    confusions,
    cost,
    files,
    in_short,
    load,
    machine,
    main_table,
    protocol,
    published,
    reproduce,
    teachers,
)
from compbench.report.sections import assistants as sections_assistants
from compbench.report.sections import latency as sections_latency
from compbench.report.sections import memory as sections_memory
from compbench.report.sections import sizes as sections_sizes
from compbench.report.sections.families import by_family
from compbench.report.sections.notes import findings
from compbench.report.sections.soft_labels import soft_label_table
from compbench.report.sections.speed_explained import explanations
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.rows import Rows
from compbench.statistics.summary import Summaries


@dataclass(frozen=True)
class _Page:
    """What every part of a report is written from."""

    run: Run
    rows: Rows
    summaries: Summaries
    folder: str  # the run's, below results/runs/<suite>
    pictures: dict[tuple[str, str], Picture]  # by kind and target

    def picture(self, kind: str, target: str = "") -> str:
        """A picture with its caption; empty where these rows allow none."""
        found = self.pictures.get((kind, target))
        return found.markdown if found else ""

    def measured(self) -> list[str]:
        """The targets that have any figures, the deciding one first."""
        decides = self.run.pick.get("target")
        order = sorted(self.run.targets, key=lambda target: target != decides)
        return [t for t in order if any(not s.reason for s in self.summaries.of(t))]


def render(run: Run, rows: Sequence[Row], summaries: Summaries, folder: str = "") -> str:
    """The whole report; its pictures are those of `gallery`."""
    found = Rows(rows)
    pictures = {(p.kind, p.target): p for p in gallery(run, found, summaries)}
    page = _Page(run, found, summaries, folder, pictures)
    missing = gaps(run, found)
    warning = f"**Incomplete: decide nothing by this report.** Missing: {'; '.join(missing)}."
    parts = [
        f"# {run.suite}: which compression to take",
        run.description.strip(),
        warning if missing else "",
        *_first_screen(page),
        *(part for target in page.measured() for part in _target_part(page, target)),
        *_section("p50 across targets", _markdown(across.across(run, summaries)), legends.ACROSS),
        *_sizes(page),
        "## Training",
        page.picture("training"),
        *_section("What it cost", _markdown(cost.costs(run, summaries)), legends.COSTS),
        *_without(page),
        "## Where and how it was measured",
        _markdown(machine.machine(run)),
        "\n".join(f"- {line}" for line in protocol.protocol(run, found, summaries, folder)),
        "## Reproduce it",
        reproduce.reproduce(run, folder),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _first_screen(page: _Page) -> list[str]:
    """What most readers look at, and nothing else: the answers, and a summary."""
    run, summaries, measured = page.run, page.summaries, page.measured()
    order = [*measured, *(t for t in run.targets if t not in measured)]
    parts = [answer.answer(run, summaries, target) for target in order]
    summary = in_short.summary_table(run, summaries, measured[0]) if measured else []
    if not summary:
        return parts
    title = f"In short, on {measured[0]}" if len(order) > 1 else "In short"
    return [
        *parts,
        *_section(title, _markdown(summary), in_short.rules(run, summary)),
        page.picture("pareto", measured[0]),
    ]


def _target_part(page: _Page, target: str) -> list[str]:
    run, rows, summaries = page.run, page.rows, page.summaries
    notes = findings(run, summaries, target)
    why = explanations(run, rows, summaries, target)
    beside = chance.chance(run, summaries, target)
    assistants = sections_assistants.assistants(run, rows, summaries, target)
    families = by_family(run, summaries, target)
    taught = teachers.distillations(run, rows, target)
    return [
        f"## Results on {target}",
        _markdown(main_table.main(run, summaries, target)),
        legends.main(run, target),
        page.picture("pareto", target) if target != page.measured()[0] else "",
        *_section("What to know", "\n".join(f"- {note}" for note in notes)),
        page.picture("speed", target),
        *_section("Could it be chance?", _markdown(beside), legends.chance(run)),
        *_section("By family", _markdown(families), legends.FAMILIES),
        *_section("Why it is as fast as it is", "\n".join(f"- {line}" for line in why)),
        *_section("Did a teacher help?", _markdown(taught), legends.TEACHERS),
        *_section("Did an assistant help?", _markdown(assistants), legends.ASSISTANTS),
        *_teaching(page, target),
        *_classes(page, target),
        *_section("Published figures", _markdown(published.references(run, summaries, target))),
        *_deployment(page, target),
    ]


def _teaching(page: _Page, target: str) -> list[str]:
    """What teachers say, and at which temperature."""
    swept = page.picture("temperature", target)
    spoken = _markdown(soft_label_table(page.run, page.rows, target))
    picture = page.picture("soft-labels", target)
    parts = [*_section("At which temperature?", swept)]
    return [*parts, *(_section("What the teacher taught", picture, spoken) if picture else [])]


def _classes(page: _Page, target: str) -> list[str]:
    added = _markdown(confusions.confusions(page.run, page.rows, page.summaries, target))
    return [
        *_section("Accuracy by class", page.picture("classes", target)),
        *_section("What is newly confused", page.picture("confusions", target), added),
    ]


def _deployment(page: _Page, target: str) -> list[str]:
    """Of the files themselves: time, memory, load, parity."""
    run, rows, summaries = page.run, page.rows, page.summaries
    latency, memory = (
        sections_latency.latency(summaries, target),
        sections_memory.memory(summaries, target),
    )
    processes = run.measure.get("memory_processes", 0)
    return [
        *_section("Latency in detail", _markdown(latency), legends.LATENCY),
        page.picture("latency", target),
        *_section("Memory and start-up", _markdown(memory), legends.MEMORY.format(processes)),
        *_section(
            "Under load (MLPerf LoadGen)", _markdown(load.load(run, rows, target)), legends.LOAD
        ),
        *_section(
            "The files: do they compute what was validated?",
            _markdown(files.files(run, rows, summaries, target)),
        ),
    ]


def _sizes(page: _Page) -> list[str]:
    sizes = _markdown(sections_sizes.sizes(page.run, page.summaries))
    title, legend = "## Sizes that can't deceive", legends.SIZES.format(page.run.baseline)
    return [title, sizes, legend] if sizes else []


def _without(page: _Page) -> list[str]:
    lost = _markdown(absent.absent(page.run, page.rows, page.summaries))
    return ["## Without figures: skipped and failed", lost] if lost else []


def _section(title: str, content: str, legend: str = "") -> list[str]:
    return [f"### {title}", content, legend] if content else []


def _markdown(table: section.Table) -> str:
    if not table:
        return ""
    return pd.DataFrame(table).fillna("").to_markdown(index=False, disable_numparse=True)
