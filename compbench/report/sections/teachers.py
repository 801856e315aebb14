"""Taught students beside those without a teacher."""

from __future__ import annotations

from compbench import units
from compbench.report.section import Table
from compbench.report.sections.notes import verdict
from compbench.results.record import Run
from compbench.results.rows import Rows
from compbench.statistics.teaching import taught_pairs


def distillations(run: Run, rows: Rows, target: str) -> Table:
    """Each taught student beside the same net trained without a teacher."""
    return [
        {
            "student": p.student,
            "taught by": p.parent,
            "same net, no teacher": p.control,
            "accuracy change": units.points(p.change),
            "verdict": verdict(p.change),
        }
        for p in taught_pairs(run, rows, target)
    ]
