"""The pictures of a run, as its sections declare them: which there are; nothing is drawn.

A report can thus be written without drawing: `pictures.draw` draws just these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compbench.report import failure
from compbench.report.failure import Failure
from compbench.report.section import Picture
from compbench.report.section_list import Place


@dataclass(frozen=True)
class Gallery:
    """Every picture in a report's order, and the sections that could not say theirs."""

    pictures: tuple[Picture, ...]
    failures: dict[tuple[str, str], Failure]  # by a section's file name and target


def gallery(places: Sequence[Place]) -> Gallery:
    """Every picture that the rows allow."""
    found: dict[str, Picture] = {}
    failures: dict[tuple[str, str], Failure] = {}
    for place in places:
        target = place.page.target
        try:
            own = {picture.name: picture for picture in place.section.pictures(place.page)}
            if twice := own.keys() & found.keys():
                raise ValueError(f"another section has the picture {', '.join(sorted(twice))}")
            found |= own
        except Exception as error:
            failures[place.name, target] = failure.of("section", place.name, target, error)
    return Gallery(tuple(found.values()), failures)
