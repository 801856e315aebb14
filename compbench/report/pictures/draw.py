"""The gallery of a report, drawn: pictures -> PNG bytes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from matplotlib import rc_context

from compbench.report import failure
from compbench.report.failure import Failure
from compbench.report.pictures.style import STYLE, png
from compbench.report.section import Picture


@dataclass(frozen=True)
class Drawn:
    """PNG bytes by file name, and what could not be drawn, by file name too."""

    files: dict[str, bytes]
    failures: dict[str, Failure]


def pictures(found: Iterable[Picture]) -> Drawn:
    """Each picture in its order, the same bytes for the same rows."""
    drawn = Drawn({}, {})
    for picture in found:
        try:
            with rc_context(STYLE):
                drawn.files[picture.name] = png(picture.draw())
        except Exception as error:
            lost = failure.of("picture", picture.kind, picture.target, error)
            drawn.failures[picture.name] = lost
    return drawn
