"""What teacher and student say of example images."""

from __future__ import annotations

from compbench.results.record import Run
from compbench.results.rows import Rows
from compbench.statistics.teaching import soft_labels


def soft_label_table(run: Run, rows: Rows, target: str) -> list[dict[str, str]]:
    """The same as a report's table; empty where there is nothing to show."""
    found = soft_labels(run, rows, target)
    return found.table() if found else []
