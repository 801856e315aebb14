"""What the files hold."""

from __future__ import annotations

from compbench import units
from compbench.report.section import Table
from compbench.results.record import Run
from compbench.statistics.summary import Summaries, Summary


def sizes(run: Run, summaries: Summaries) -> Table:
    """What each file holds and what it takes packed or coded: the same on every target."""
    measured = {s.variant: s for s in reversed(summaries.all) if s.size_bytes}
    return [_size_row(run, measured[variant]) for variant in run.variants if variant in measured]


def _size_row(run: Run, s: Summary) -> dict[str, str]:
    nonzero = units.count_text(s.nonzero_parameters)
    if s.parameters and s.nonzero_parameters is not None:
        nonzero += f" ({units.share(s.nonzero_parameters / s.parameters)})"
    is_baseline = s.variant == run.baseline
    return {
        "variant": s.variant,
        "parameters": units.count_text(s.parameters),
        "non-zero": nonzero,
        "file": _bytes_text(s.size_bytes, None if is_baseline else s.size_ratio),
        "packed (zstd)": _bytes_text(s.packed_bytes, None if is_baseline else s.packed_ratio),
        "weights, coded": _bytes_text(s.coded_bytes, s.coded_ratio),
    }


def _bytes_text(size: float | None, ratio: float | None) -> str:
    return units.bytes_text(size) + (f" ({units.three_digits(ratio)}×)" if ratio else "")
