"""Memory and start-up."""

from __future__ import annotations

from collections.abc import Sequence

from compbench import units
from compbench.report.section import Page, SectionBase, Table, with_legend
from compbench.statistics.summary import Summaries


def memory(summaries: Summaries, target: str) -> Table:
    """What a process of its own needs for a variant; the first column is without any model."""
    columns = {
        "runtime alone": "base_bytes",
        "loaded": "loaded_bytes",
        "after the first run": "first_run_bytes",
        "at rest": "rest_bytes",
        "peak": "peak_bytes",
    }
    return [
        {
            "variant": s.variant,
            "file": units.bytes_text(s.size_bytes),
            **{label: units.bytes_text(s.footprint[name]) for label, name in columns.items()},
            "the model's": units.bytes_text(s.footprint["rest_bytes"] - s.footprint["base_bytes"]),
            "session created in": units.time_text(s.footprint["create_ns"]),
            "first run": units.time_text(s.footprint["first_run_ns"]),
        }
        for s in summaries.of(target)
        if s.footprint
    ]


class Section(SectionBase):
    """Memory and start-up of a process with one model."""

    order = 230
    per_target = True
    title = "Memory and start-up"

    def content(self, page: Page) -> Sequence[str]:
        """A row for each variant."""
        processes = page.run.measure.get("memory_processes", 0)
        return with_legend(memory(page.summaries, page.target), _LEGEND.format(_fresh(processes)))


def _fresh(processes: int) -> str:
    if processes == 1:
        return "in one fresh process"
    return f"medians of {processes} fresh processes"


_LEGEND = (
    "Resident memory of a process that holds ONNX Runtime and this one model: {}. "
    "The model's is what it adds at rest to the runtime alone."
)
