"""One variant on one target in two runs: what their stored rows say; pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from compbench.compare.context import is_comparable
from compbench.compare.match import Pair, Side, is_same_file
from compbench.results.dataset import same_test_samples
from compbench.results.record import became
from compbench.statistics.changes import (
    Change,
    paired_files,
    paired_techniques,
    ratio_of_ratios,
    unpaired,
)
from compbench.statistics.intervals import Interval, log_ratio_interval, reach

Status = Literal[
    "same",  # key and file
    "rebuilt",  # by the same recipe
    "changed",  # another recipe under the same name
    "only in A",
    "only in B",
    "failed",  # in one of the runs, or in both
    "skipped",  # a machine lacked what the target needs
    "missing",  # a run was stopped before it
]
Basis = Literal["", "stored", "side by side", "same file", "denominator"]


@dataclass(frozen=True)
class Figures:
    """What one run says of a variant on a target; what it does not say is None."""

    quality: Interval | None = None
    size_bytes: float | None = None
    speedup: Interval | None = None  # over the comparison's denominator
    faster: int | None = None  # as its run's report says; None where that is over another variant
    p50_ns: float | None = None


@dataclass(frozen=True)
class Line:
    """One variant on one target, in both runs.

    `quality` is B minus A in the metric's unit, `speed` how many times as fast B is as A; None
    where there is nothing to compare or nothing can have changed: `quality_basis` and `speed_basis`
    say what they are based on, `notes` what else must be known. `verdict` is the gate's, of what
    was measured again.
    """

    variant: str
    target: str
    status: Status
    a: Figures = Figures()
    b: Figures = Figures()
    quality: Change | None = None
    quality_basis: Literal["", "paired", "paired over seeds", "unpaired", "same answers"] = ""
    speed: Change | None = None
    speed_basis: Basis = ""
    verdict: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_significant(self) -> bool:
        """Whether its quality or its speed changed beyond chance and noise."""
        return any(change and change.is_significant for change in (self.quality, self.speed))


def status(a: Side, b: Side, pair: Pair) -> Status:
    """What became of a variant, apart from any target."""
    if pair.a is None or pair.b is None:
        return "only in A" if pair.b is None else "only in B"
    one, other = a.artifacts(pair.a), b.artifacts(pair.b)
    common = [seed for seed in one if seed in other]
    if common and all(one[seed] == other[seed] for seed in common):
        return "same"
    if not one or not other:
        return "missing"
    is_same_recipe = a.run.variants[pair.a] == b.run.variants[pair.b]
    return "rebuilt" if is_same_recipe else "changed"


def line(a: Side, b: Side, pair: Pair, target: str, over: Pair | None) -> Line:
    """What the stored rows say."""
    found = Line(
        pair.name,
        target,
        status(a, b, pair),
        _figures(a, pair.a, target, over.a if over else None),
        _figures(b, pair.b, target, over.b if over else None),
    )
    if pair.a is None or pair.b is None:
        return found
    if target not in a.run.targets or target not in b.run.targets:
        return replace(found, status="only in A" if target in a.run.targets else "only in B")
    found = replace(found, notes=_notes(a, b, pair))
    sides = (("A", a, pair.a), ("B", b, pair.b))
    told = [(n, side.summaries.find(variant, target).reason) for n, side, variant in sides]
    reasons = tuple(f"{name}: {reason}" for name, reason in told if reason)
    if reasons:
        failed = any(reason.startswith("failed") for _, reason in told)
        return replace(found, status="failed" if failed else "skipped", notes=found.notes + reasons)
    return _stored_speed(a, b, pair, over, _quality(a, b, pair, found))


def _figures(side: Side, variant: str | None, target: str, over: str | None) -> Figures:
    if variant is None or target not in side.run.targets:
        return Figures()
    found = side.summaries.find(variant, target)
    logs = side.log_speedups(variant, over, target) if over else []
    speedup = log_ratio_interval(logs)
    faster = found.faster if over == side.run.baseline else None
    return Figures(found.quality, found.size_bytes, speedup, faster, found.p50_ns)


_BYTES = "the same file, byte for byte"
_NET = "the same net, bit for bit: only what the file says of itself differs"


def _checksums(side: Side, variant: str) -> set[tuple[int, str]]:
    return {(seed, checksum) for seed, (_, checksum) in side.artifacts(variant).items()}


def _notes(a: Side, b: Side, pair: Pair) -> tuple[str, ...]:
    """Another recipe; one that made the same bytes again; a file that is lost or unknown."""
    assert pair.a is not None and pair.b is not None
    recipes = (side.run.variants[name] for side, name in ((a, pair.a), (b, pair.b)))
    notes = became(*recipes)
    if is_same_file(a, b, pair) and status(a, b, pair) != "same":
        notes.append(_BYTES if _checksums(a, pair.a) & _checksums(b, pair.b) else _NET)
    return tuple(notes)


def _quality(a: Side, b: Side, pair: Pair, line: Line) -> Line:
    """The change of the metric, on the same samples where the runs have the same.

    Another recipe is judged as one where there are seeds: over samples and trainings. Else it is of
    these files.
    """
    assert pair.a is not None and pair.b is not None
    one, other = a.scores(pair.a, line.target), b.scores(pair.b, line.target)
    if not one or not other or not is_comparable(a.run, b.run):
        return line
    headline = b.run.headline
    common = [seed for seed in one if seed in other]
    if not same_test_samples(a.run.dataset, b.run.dataset) or not common:
        change = unpaired(list(one.values()), list(other.values()), headline)
        return replace(line, quality=change, quality_basis="unpaired")
    ours, theirs = ([side[seed] for seed in common] for side in (one, other))
    if is_same_file(a, b, pair) and np.array_equal(ours, theirs):
        return replace(line, quality_basis="same answers")
    if line.status == "changed" and len(common) > 1:
        change = paired_techniques(ours, theirs, headline)
        return replace(line, quality=change, quality_basis="paired over seeds")
    change = paired_files(ours, theirs, headline)
    return replace(line, quality=change, quality_basis="paired")


def _stored_speed(a: Side, b: Side, pair: Pair, over: Pair | None, line: Line) -> Line:
    """From stored times: the speed-up over the denominator in B, divided by that in A."""
    if over is None or pair == over:
        return replace(line, speed_basis="denominator" if over else "")
    assert pair.a and pair.b and over.a and over.b
    one = a.log_speedups(pair.a, over.a, line.target)
    other = b.log_speedups(pair.b, over.b, line.target)
    controls = [side.summaries.control.get(line.target) for side in (a, b)]
    known = [reach(control) for control in controls if control]
    change = ratio_of_ratios(one, other, max(known) if len(known) == 2 else None)
    return replace(line, speed=change, speed_basis="stored" if change else "")
