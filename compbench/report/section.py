"""The contract of a report's section, on one page: what it is given, what it gives.

A file in `compbench/report/sections/` with a class `Section` is a section of every report: nothing
else names it. A section that raises an error loses only itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from compbench import safe_markdown
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.gaps import gaps
from compbench.statistics.summary import Summaries

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Table = list[dict[str, str]]  # a row: column -> cell; rows may lack columns


@dataclass(frozen=True)
class Page:
    """What a report gives its sections."""

    run: Run
    rows: Rows  # raw samples, by variant, metric and target
    summaries: Summaries  # estimates with their intervals, by variant and target
    folder: str = ""  # the run's, below results/runs/<suite>
    problems: tuple[str, ...] = ()  # what is wrong with its files
    target: str = ""  # that the section is written for; empty in a section of the whole run
    shown: Mapping[tuple[str, str], str] = field(default_factory=dict)  # pictures as markdown

    def picture(self, kind: str, target: str | None = None) -> str:
        """A picture of this target with its caption; empty where the rows allow none."""
        return self.shown.get((kind, self.target if target is None else target), "")

    def on(self, target: str) -> Page:
        """The same page for a section of this target."""
        return replace(self, target=target)

    @property
    def gaps(self) -> list[str]:
        """What a whole run would have and this one has not."""
        return [*gaps(self.run, self.rows, self.problems)]

    @property
    def measured(self) -> list[str]:
        """The targets that have any figures, the deciding one first."""
        decides = self.run.pick.get("target")
        order = sorted(self.run.targets, key=lambda target: target != decides)
        return [t for t in order if any(not s.reason for s in self.summaries.of(t))]

    @property
    def is_first(self) -> bool:
        """Whether this is the suite's first target with figures of quality.

        What hardly differs by target is shown there only.
        """
        right = [t for t in self.run.targets if any(s.quality for s in self.summaries.of(t))]
        return right[:1] == [self.target]


@dataclass(frozen=True)
class Picture:
    """One picture of a section. `draw` is called only where pictures are written."""

    kind: str  # its file's name, with the target's
    target: str  # empty where it is of the whole run
    alt: str
    caption: str
    draw: Callable[[], Figure]

    @property
    def name(self) -> str:
        """Its file name."""
        return f"{self.kind}-{self.target}.png" if self.target else f"{self.kind}.png"

    @property
    def markdown(self) -> str:
        """The picture and its caption."""
        return f"![{self.alt}]({self.name})\n\n{self.caption}"


class SectionBase(ABC):
    """Base of a class `Section`: a heading, and below it texts, tables and pictures.

    Sections stand in the order of their numbers. Those of a target that follow each other are
    written for one measured target after the other. A section without any content is not shown,
    unless it `begins_chapter`: then its heading stands for the sections below it.
    """

    order: ClassVar[float]
    per_target: ClassVar[bool] = False
    title: ClassVar[str] = ""
    level: ClassVar[int] = 3
    begins_chapter: ClassVar[bool] = False

    def heading(self, page: Page) -> str:
        """The title, where it depends on the run; empty: no heading."""
        return self.title

    def pictures(self, page: Page) -> Sequence[Picture]:
        """The pictures that these rows allow; `content` places them with `page.picture(kind)`."""
        return ()

    @abstractmethod
    def content(self, page: Page) -> Sequence[str]:
        """Blocks of markdown in their order; empty ones are left out."""


def with_legend(table: Table, legend: str = "") -> list[str]:
    """A table and the text below it; nothing where the table is empty."""
    return [markdown(table), legend] if table else []


def markdown(table: Table) -> str:
    """A table as markdown; empty where it has no rows."""
    return safe_markdown.table(table)


def bullets(lines: Sequence[str]) -> str:
    """A list in markdown."""
    return "\n".join(f"- {line}" for line in lines)
