"""The variants of a sweep beside each other, and which is best on validation; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from compbench.results.record import Run
from compbench.statistics.summary import Summaries, Summary


@dataclass(frozen=True)
class Sweep:
    """A table of a suite that stands for several variants: by options, the values of each."""

    name: str
    options: tuple[str, ...]
    points: dict[str, tuple[Any, ...]]  # variant -> a value for each option

    def values(self, option: int) -> list[Any]:
        """All values of an option, in the suite's order."""
        found: list[Any] = []
        for values in self.points.values():
            if values[option] not in found:
                found.append(values[option])
        return found


def sweeps(run: Run) -> list[Sweep]:
    """All of a run, in its suite's order."""
    found: dict[str, Sweep] = {}
    for variant, recorded in run.variants.items():
        point = recorded.get("sweep")
        if not point:
            continue
        options, name = tuple(point["values"]), point["sweep"]
        sweep = found.setdefault(name, Sweep(name, options, {}))
        if sweep.options == options:
            sweep.points[variant] = tuple(point["values"].values())
    return [*found.values()]


def best(sweep: Sweep, summaries: Summaries, target: str, run: Run) -> Summary | None:
    """The point with the best metric on the validation split, the first of equals."""
    there = [
        s
        for s in summaries.of(target)
        if s.variant in sweep.points and s.validation_quality is not None
    ]
    gain = run.headline.gain
    return max(there, key=lambda s: gain(s.validation_quality or 0.0), default=None)
