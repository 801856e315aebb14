"""`compbench pick`: which variant to take under the limits given, and what excluded the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from rich.table import Table

from compbench import units
from compbench.errors import UserError, nearest
from compbench.results.record import Run
from compbench.statistics.intervals import Interval
from compbench.statistics.noninferiority import Drop
from compbench.statistics.pick import OF_DROP, Choice, Constraints, pick, sentence
from compbench.statistics.summary import Summaries

_OPTIONS: dict[str, tuple[str, Callable[[str], float]]] = {
    "--max-bytes": ("max_bytes", units.parse_bytes),
    "--max-latency": ("max_latency_ns", units.parse_time),
}


_SAID = {"slower": "slower than what is taken", "larger": "as fast but not smaller"}


@dataclass(frozen=True)
class Chosen:
    """The variant that was picked on one target of a run, as a sentence, a table or JSON."""

    run: Run
    summaries: Summaries
    target: str
    choice: Choice
    gaps: tuple[str, ...] = ()  # what the run lacks

    def sentence(self) -> str:
        """The answer in a line."""
        return sentence(self.run, self.summaries, self.target, self.choice)

    def table(self) -> Table:
        """Each one's drop on validation, and what spoke against all but the one taken."""
        limit = f"within {self.choice.constraints.drop_text}"
        heads = (
            "variant",
            "change on validation",
            limit,
            f"{self.run.noun}s to decide",
            "excluded by",
        )
        table = Table(*heads, box=None, pad_edge=False)
        for s in self.summaries.of(self.target):
            drop = self.choice.drops.get(s.variant)
            known = ("", "") if s.reason else ("baseline", "")
            needed = units.NOTHING
            if drop:
                known = (drop.headline.change_text(drop.change), drop.standing.value)
                needed = units.count_text(drop.samples_to_decide)
            reasons = self.choice.excluded.get(s.variant, {})
            told = [f"{_SAID.get(r, r)} ({f})" for r, f in reasons.items() if r not in OF_DROP]
            table.add_row(s.variant, *known, needed, ", ".join(told))
        return table

    def record(self) -> dict[str, Any]:
        """The same for a program: the metric in its own unit, shares 0 to 1; times nanoseconds."""
        taken = self.choice.taken
        limits = self.choice.constraints
        return {
            "suite": self.run.suite,
            "target": self.target,
            "metric": self.run.headline.name,
            "incomplete": list(self.gaps),
            "constraints": {
                "max_drop": limits.loss.recorded,
                "max_bytes": limits.max_bytes,
                "max_latency_ns": limits.max_latency_ns,
            },
            "taken": taken and taken.variant,
            "guess": self.choice.guess and self.choice.guess.variant,
            "speedup": _ends(taken and taken.speedup),
            "change": _ends(taken and taken.judged_change),
            "size_bytes": taken and taken.size_bytes,
            "p50_ns": taken and taken.p50_ns,
            "excluded": self.choice.excluded,
            "candidates": self.choice.candidates,
            "drops": {variant: _drop(drop) for variant, drop in self.choice.drops.items()},
        }


def choose(
    run: Run, summaries: Summaries, target: str | None, given: dict[str, str | None]
) -> Chosen:
    """Pick a variant; `given` are the options of the command line, the rest is as [pick] says.

    Raises UserError for what is no such quantity, an unknown target, and where the baseline has no
    figures.
    """
    constraints = Constraints.of(run)
    for option, said in given.items():
        if said is not None:
            try:
                if option == "--max-drop":
                    constraints = constraints.allowing(run.headline.loss(said))
                    continue
                field, read = _OPTIONS[option]
                constraints = replace(constraints, **{field: read(said)})
            except ValueError as error:
                raise UserError(f"{option}: {error}") from error
    name = target or run.pick.get("target") or next(iter(run.targets))
    if name not in run.targets:
        raise UserError(f"--target: this run has no target '{name}'{nearest(name, run.targets)}")
    choice = pick(run, summaries, name, constraints)
    if choice is None:
        reason = summaries.find(run.baseline, name).reason or "it was not measured"
        raise UserError(f"on {name} the baseline '{run.baseline}' has no figures: {reason}")
    return Chosen(run, summaries, name, choice)


def _drop(drop: Drop) -> dict[str, Any]:
    return {
        "standing": drop.standing.value,
        "change": _ends(drop.change),
        "samples": drop.samples,
        "samples_to_decide": drop.samples_to_decide,
    }


def _ends(interval: Interval | None) -> dict[str, float | None] | None:
    """An infinite end is null: of a single sample there is none, and JSON has no such number."""
    if interval is None:
        return None
    return {name: end if isfinite(end) else None for name, end in interval._asdict().items()}
