"""Teacher assistants beside plain distillation."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.headline import ACCURACY, Headline
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.report.wording import HOLM, basis, verdict, whose
from compbench.statistics.summary import Summaries
from compbench.statistics.teaching import Helped, helped


def assistants(
    found: Helped, summaries: Summaries, target: str, headline: Headline = ACCURACY
) -> Table:
    """Teacher → assistant → student: sizes, and what the assistant was worth."""

    def sized(variant: str) -> str:
        return f"{variant} ({units.bytes_text(summaries.find(variant, target).size_bytes)})"

    return [
        {
            "teacher": sized(chain.teacher),
            "assistant": sized(chain.assistant),
            "student": sized(chain.student),
            "with the assistant": headline.interval_text(
                summaries.find(chain.student, target).quality
            ),
            "straight from the teacher": headline.interval_text(
                summaries.find(chain.direct, target).quality if chain.direct else None
            ),
            "difference": headline.change_text(chain.change and chain.change.interval),
            "p": units.p_value(chain.change and chain.change.p_value),
            "verdict": verdict(chain.change) if chain.change else "not in this suite",
            "about": whose(chain.change.seeds) if chain.change else units.NOTHING,
        }
        for chain in found.assisted
    ]


class Section(SectionBase):
    """Whether an assistant between teacher and student was worth it."""

    order = 160
    per_target = True
    title = "Did an assistant help?"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each student of an assistant."""
        found = helped(page.run, page.rows, page.target)
        count = len(found.changes)
        legend = (
            "Both students have the same net and the same options; the difference is paired on the "
            f"same test {page.run.noun}s, means over seeds; p {HOLM} for the "
            f"{units.counted(count, 'comparison')} of teachers and assistants on this target. "
            f"{basis(page.run)}"
        )
        return with_legend(
            assistants(found, page.summaries, page.target, page.run.headline), legend
        )
