"""What a run lacks that a decision would need; one rule for all that shows a run, pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from compbench.results.record import Run
from compbench.results.row_index import Rows

WARNING = "Incomplete: decide nothing by this"
_MOST = 3  # that are told one by one where there is little room


def gaps(run: Run, rows: Rows, problems: Sequence[str] = ()) -> Iterator[str]:
    """What a whole run would have rows of and this one has not, a line each.

    `problems` are what is wrong with its files.
    """
    if run.finished is None:
        yield "the run has not come to its end"
    yield from problems
    for target in run.targets:
        for variant in run.variants:
            there = {r.seed for r in rows.of(variant, "score", target)}
            there |= {
                r.seed for r in (*rows.of(variant, "status"), *rows.of(variant, "status", target))
            }
            for seed in run.seeds:
                if seed not in there:
                    yield f"`{variant}` on {target}: no rows of seed {seed}"
        if not rows.of(run.baseline, "score", target):
            continue
        launches = {r.launch for r in rows.of(run.baseline, "latency_ns", target)}
        launches |= {r.launch for r in rows.of(run.baseline, "status", target)}
        for index in range(run.measure["launches"]):
            if index not in launches:
                yield f"{target}: no rows of launch {index + 1}"


def told(found: Sequence[str]) -> str:
    """A line for a terminal."""
    more = len(found) - _MOST
    some = "; ".join(found[:_MOST]).replace("`", "")
    rest = f"; and {more} more" if more > 0 else ""
    return f"{WARNING}. Missing: {some}{rest}"
