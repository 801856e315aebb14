"""A run folder, opened: its rows, summaries and table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from compbench.results.find import find_run
from compbench.results.folder import read_rows
from compbench.results.record import Run, read_run
from compbench.results.row import Row
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class StoredRun:
    """A run as it was written; rows are read, and summarised, when they are first asked for."""

    folder: Path

    @cached_property
    def run(self) -> Run:
        """What was asked, of what, where and when."""
        return read_run(self.folder)

    @cached_property
    def rows(self) -> list[Row]:
        """Every measured metric with its raw samples."""
        return read_rows(self.folder)

    @cached_property
    def summaries(self) -> Summaries:
        """The statistics of the rows."""
        return summarise(self.run, self.rows)

    def table(self) -> pd.DataFrame:
        """The tidy table, a new one in each call: see `compbench.frame.table`."""
        from compbench.table.frame import table  # imports pandas, which few commands need

        return table(self.run, self.summaries)


def open_run(results: Path, name: str) -> StoredRun:
    """A run by its folder, or by its suite: the newest of it. Raises UserError where none is."""
    return StoredRun(find_run(results, name))
