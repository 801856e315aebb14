"""How fast variants are beside their parents, by the rule that holds beside the baseline; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from compbench.results.record import Run
from compbench.statistics.intervals import Interval
from compbench.statistics.speed import judge, unless_opposed
from compbench.statistics.summary import Summary


def beside_parents(run: Run, here: Sequence[Summary], control: Interval | None) -> list[Summary]:
    """One target's summaries, each with its speed beside its first parent's.

    Beside the baseline that is what was judged already; the others are corrected for their number.
    """
    found = {s.variant: s for s in here}
    parents = {
        s.variant: found[run.variants[s.variant]["parents"][0]]
        for s in here
        if run.variants[s.variant]["parents"] and not s.reason
    }
    others = {v: p for v, p in parents.items() if p.variant != run.baseline}
    judged = judge({v: _log_speedups(found[v], p) for v, p in others.items()}, control)
    beside = []
    for s in here:
        parent = parents.get(s.variant)
        if parent is None:
            beside.append(s)
        elif parent.variant == run.baseline:
            beside.append(
                replace(
                    s,
                    parent_speedup=s.speedup,
                    parent_speedup_p=s.speedup_p,
                    faster_than_parent=s.faster,
                )
            )
        else:
            speed = judged[s.variant]
            beside.append(
                replace(
                    s,
                    parent_speedup=speed.ratio,
                    parent_speedup_p=speed.p_value,
                    faster_than_parent=unless_opposed(speed.side, s.p50_ns, parent.p50_ns),
                )
            )
    return beside


def _log_speedups(s: Summary, parent: Summary) -> list[float]:
    """For each launch that both were in: in one process, so that its noise is in both."""
    return [
        parent.log_ratios[launch] - ratio
        for launch, ratio in s.log_ratios.items()
        if launch in parent.log_ratios
    ]
