"""Run, rows and summaries -> the whole report in markdown: its sections, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from compbench import safe_markdown
from compbench.report import failure
from compbench.report.failure import Failure
from compbench.report.gallery import Gallery, gallery
from compbench.report.section import Page
from compbench.report.section_list import Place, places
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.summary import Summaries


@dataclass(frozen=True)
class Report:
    """A whole report in markdown, and what of it could not be written."""

    text: str
    failures: tuple[Failure, ...]


def render(run: Run, rows: Sequence[Row], summaries: Summaries, folder: str = "") -> Report:
    """The report, as if all its pictures could be drawn."""
    found = places(Page(run, Rows(rows), summaries, folder))
    return compose(found, gallery(found), {})


def compose(places: Sequence[Place], gallery: Gallery, undrawn: Mapping[str, Failure]) -> Report:
    """All sections in their places; a line where one failed, or a picture (by its file name)."""
    shown = {
        (picture.kind, picture.target): undrawn[picture.name].markdown
        if picture.name in undrawn
        else picture.markdown
        for picture in gallery.pictures
    }
    blocks: list[str] = []
    failures: list[Failure] = []
    for place in places:
        page = replace(place.page, shown=shown)
        failed = gallery.failures.get((place.name, page.target))
        if not failed:
            try:
                blocks += _blocks(place, page)
                continue
            except Exception as error:  # of one section: all others stand
                failed = failure.of("section", place.name, page.target, error)
        blocks += _instead(place, page, failed)
        failures.append(failed)
    text = safe_markdown.page("\n\n".join(blocks) + "\n")
    return Report(text, (*failures, *undrawn.values()))


def _blocks(place: Place, page: Page) -> list[str]:
    section = place.section
    content = [block for block in section.content(page) if block]
    if not content and not section.begins_chapter:
        return []
    return [*_heading(place, page), *content]


def _heading(place: Place, page: Page) -> list[str]:
    title = place.section.heading(page)
    return [f"{'#' * place.section.level} {title}"] if title else []


def _instead(place: Place, page: Page, failed: Failure) -> list[str]:
    """A failed section's heading, if it still has one, and what happened."""
    with suppress(Exception):
        return [*_heading(place, page), failed.markdown]
    return [failed.markdown]
