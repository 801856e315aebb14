"""A run folder, opened: its rows, summaries and table."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from compbench.results.find import find_run
from compbench.results.folder import Found, examine
from compbench.results.record import RUN, Run, read_run
from compbench.results.row import Row
from compbench.results.row_index import Rows
from compbench.statistics.gaps import gaps
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries

if TYPE_CHECKING:
    import pandas as pd


_ABOVE = 3  # the results: above runs/<suite>/<run>/run.json
_TOLD = 3  # of what is wrong with a run's files, in warnings: `gaps` has all


@dataclass(frozen=True)
class StoredRun:
    """A run as it was written; rows are read, and summarised, when they are first asked for."""

    folder: Path

    @cached_property
    def run(self) -> Run:
        """What was asked, of what, where and when."""
        return read_run(self.folder)

    @cached_property
    def _found(self) -> Found:
        found = examine(self.folder, self.run)
        for problem in [*found.problems.values()][:_TOLD]:
            warnings.warn(f"{problem}: left out", stacklevel=2)
        return found

    @property
    def suite_file(self) -> Path | None:
        """The suite file that it is of, which need not be there; None in runs that don't know."""
        if not self.run.suite_from_results:
            return None
        above = (self.folder.absolute() / RUN).parents
        return self.run.real_suite(above[min(_ABOVE, len(above) - 1)])

    @property
    def rows(self) -> list[Row]:
        """Every measured metric with its raw samples; not those of files that are damaged."""
        return self._found.rows

    @cached_property
    def gaps(self) -> tuple[str, ...]:
        """What a whole run would have and this one has not, a line each."""
        return tuple(gaps(self.run, Rows(self.rows), self.problems))

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with its files, a line each: `rows` are without these."""
        return tuple(self._found.problems.values())

    @cached_property
    def summaries(self) -> Summaries:
        """The statistics of the rows."""
        return summarise(self.run, self.rows)

    def table(self) -> pd.DataFrame:
        """The tidy table, a new one in each call: see `compbench.table.frame.table`."""
        from compbench.table.frame import table  # imports pandas, which few commands need

        return table(self.run, self.summaries)


def open_run(results: Path, name: str) -> StoredRun:
    """A run by its folder, or by its suite: the newest of it. Raises UserError where none is."""
    return StoredRun(find_run(results, name))
