"""Teacher assistants beside plain distillation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.report.wording import verdict
from compbench.results.record import Run
from compbench.results.row_index import Rows
from compbench.statistics.intervals import Interval
from compbench.statistics.lineage import teacher
from compbench.statistics.summarise import change_between
from compbench.statistics.summary import Summaries


@dataclass(frozen=True)
class Assisted:
    """A student taught by an assistant, and the same net taught by the teacher itself."""

    teacher: str
    assistant: str
    student: str
    direct: str | None
    change: Interval | None  # the student's accuracy less that of `direct`


def assisted(run: Run, rows: Rows, target: str) -> list[Assisted]:
    """Every variant taught by a taught one; `direct` where the suite has that comparison."""
    found = []
    for name in run.variants:
        assistant = teacher(run, name)
        first = teacher(run, assistant) if assistant else None
        if assistant is None or first is None:
            continue
        direct = _taught_alike(run, name, first)
        change = change_between(rows, name, direct, target) if direct else None
        found.append(Assisted(first, assistant, name, direct, change))
    return found


def _taught_alike(run: Run, student: str, teacher: str) -> str | None:
    wanted = run.variants[student]
    for name, variant in run.variants.items():
        same = all(variant[field] == wanted[field] for field in ("technique", "model", "options"))
        if same and variant["parents"] == [teacher]:
            return name
    return None


def assistants(run: Run, rows: Rows, summaries: Summaries, target: str) -> Table:
    """Teacher → assistant → student: sizes, and what the assistant was worth."""

    def sized(variant: str) -> str:
        return f"{variant} ({units.bytes_text(summaries.find(variant, target).size_bytes)})"

    return [
        {
            "teacher": sized(chain.teacher),
            "assistant": sized(chain.assistant),
            "student": sized(chain.student),
            "with the assistant": units.percent(summaries.find(chain.student, target).accuracy),
            "straight from the teacher": units.percent(
                summaries.find(chain.direct, target).accuracy if chain.direct else None
            ),
            "difference": units.points(chain.change),
            "verdict": verdict(chain.change) if chain.change else "not in this suite",
        }
        for chain in assisted(run, rows, target)
    ]


class Section(SectionBase):
    """Whether an assistant between teacher and student was worth it."""

    order = 160
    per_target = True
    title = "Did an assistant help?"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each student of an assistant."""
        found = assistants(page.run, page.rows, page.summaries, page.target)
        return with_legend(found, _LEGEND)


_LEGEND = (
    "Both students have the same net and the same options; the difference is paired on the same "
    "test images, means over seeds."
)
