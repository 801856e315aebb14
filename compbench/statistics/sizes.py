"""Which file is smaller, and where the sizes of one contradict each other; pure."""

from __future__ import annotations

from compbench import units
from compbench.statistics.summary import Summary

# a file packed with zstd takes more than its weights behind an entropy coder: by more than this
# many times, and the names and structure of a graph, only where it holds something else
MOST_TIMES = 4
GRAPH_BYTES = 20_000
LARGER = 0.01  # no more is no difference: names and versions in a file make it differ by some


def is_smaller(size: float | None, than: float | None) -> bool:
    """Whether a file of so many bytes is smaller by more than what a name in it makes."""
    return (size or 0) * (1 + LARGER) < (than or 0)


def contradiction(s: Summary) -> str:
    """That the weights that were counted can't be all that a file holds, with the figures."""
    if s.packed_bytes is None or s.coded_bytes is None:
        return ""
    if s.packed_bytes <= MOST_TIMES * s.coded_bytes + GRAPH_BYTES:
        return ""
    return (
        f"`{s.variant}`: its {units.count_text(s.parameters)} parameters take "
        f"{units.bytes_text(s.coded_bytes)} coded, its file {units.bytes_text(s.packed_bytes)} "
        "packed: most of what it holds was not counted as weights"
    )
