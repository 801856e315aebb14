"""Two runs -> what changed between them, by variant and target, significant or not; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from compbench.compare import context
from compbench.compare.lines import Basis, Line, line
from compbench.compare.match import Side, denominator, match, refuse_nothing_in_common
from compbench.headline import Headline
from compbench.runtime.machine import differences as is_other_machine
from compbench.statistics.changes import Change, side_by_side
from compbench.statistics.gaps import told
from compbench.statistics.significance import holm

if TYPE_CHECKING:
    from compbench.gate.paired_timing import Comparison as Measured

SAME_FILE: Basis = "same file"  # side by side with itself there is nothing to measure
# (line's variant, target) -> what was measured side by side, SAME_FILE, or why it could not be
Again = Mapping[tuple[str, str], "Measured | str"]


@dataclass(frozen=True)
class Comparison:
    """All lines, what else differs between the runs, and what speed-ups are measured over."""

    a: Side
    b: Side
    differences: tuple[str, ...]
    denominator: str  # a variant's name; empty where no baseline is in both runs
    lines: tuple[Line, ...]
    is_remeasured: bool

    def of(self, target: str) -> tuple[Line, ...]:
        """The lines of a target, in suite order."""
        return tuple(line for line in self.lines if line.target == target)

    @property
    def headline(self) -> Headline:
        """The metric, B's where the runs have different ones: then none is compared."""
        return self.b.run.headline

    @property
    def tested(self) -> int:
        """How many changes of quality and speed it tests, on all targets."""
        return sum(bool(change) for line in self.lines for change in (line.quality, line.speed))

    @property
    def targets(self) -> tuple[str, ...]:
        """Those in both runs."""
        return tuple(name for name in self.a.run.targets if name in self.b.run.targets)


def compare(a: Side, b: Side, again: Again | None = None) -> Comparison:
    """Compare two runs; `again` has what was measured side by side now, or why it could not be.

    Raises UserError where no variant or no target is in both.
    """
    refuse_nothing_in_common(a, b)
    pairs = match(a, b)
    over = denominator(a, b, pairs)
    targets = [*a.run.targets, *(name for name in b.run.targets if name not in a.run.targets)]
    lines: list[Line] = []
    for target in targets:
        here = [line(a, b, pair, target, over) for pair in pairs]
        if again is not None:
            here = [_again(a, b, x, again.get((x.variant, target))) for x in here]
        lines += here
    lost = (f"{n}: {told(one.gaps)}" for n, one in (("A", a), ("B", b)) if one.gaps)
    between = (*lost, *context.between(a.run, b.run))
    return Comparison(a, b, between, over.name if over else "", corrected(lines), again is not None)


def corrected(lines: Sequence[Line]) -> tuple[Line, ...]:
    """The lines with Holm's correction over all that the comparison tests, on all targets.

    So the chance that it calls anything changed that is not stays below 5 %.
    """
    tested = [change for x in lines for change in (x.quality, x.speed) if change]
    adjusted = iter(holm([change.p_value for change in tested]))

    def of(change: Change | None) -> Change | None:
        return replace(change, adjusted=next(adjusted)) if change else None

    return tuple(replace(x, quality=of(x.quality), speed=of(x.speed)) for x in lines)


def _again(a: Side, b: Side, stored: Line, found: Measured | str | None) -> Line:
    """The line with what was measured side by side instead, or with the reason why nothing was.

    The same file on another machine or with other libraries keeps its stored times: only these can
    have changed its speed.
    """
    if found is None:
        return stored
    if found == SAME_FILE:
        if is_other_machine(a.run.environment, b.run.environment):
            return stored
        return replace(stored, speed=None, speed_basis=SAME_FILE)
    if isinstance(found, str):
        told = "; stored times of different moments are compared" if stored.speed else ""
        return replace(stored, notes=(*stored.notes, f"not measured side by side: {found}{told}"))
    change = side_by_side(found.ratio, found.launches, found.control)
    return replace(stored, speed=change, speed_basis="side by side", verdict=str(found.verdict))
