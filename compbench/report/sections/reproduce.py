"""How to measure and write it again."""

from __future__ import annotations

from collections.abc import Sequence

from compbench.own_folder import AGAIN
from compbench.report.section import Page, SectionBase
from compbench.report.wording import place
from compbench.results.record import Run


def reproduce(run: Run, folder: str) -> str:
    """The commands that measure anew, and that write the same report again."""
    again = f"compbench run {'--fast ' * run.is_fast}{run.suite_path}"
    report = f"compbench report {place(run, folder)}"
    return (
        f"```\n{again}\n{report}   # {AGAIN}, from the same samples\n```\n\n"
        "The same suite, seed, machine and libraries give the same checkpoints, bit for bit."
    )


class Section(SectionBase):
    """The commands, at the very end."""

    order = 370
    title = "Reproduce it"
    level = 2

    def content(self, page: Page) -> Sequence[str]:
        """Two commands, and what they promise."""
        return [reproduce(page.run, page.folder)]
