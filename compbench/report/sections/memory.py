"""Memory and start-up."""

from __future__ import annotations

from compbench import units
from compbench.report.section import Table
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
