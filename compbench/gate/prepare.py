"""A candidate and a baseline -> the pairs of files to compare, once it is sure that they can be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compbench.contracts import Options, kinds
from compbench.data import digest, splits
from compbench.data.splits import Data
from compbench.errors import UserError
from compbench.files import refuse_no_temporary
from compbench.gate.check import Pair
from compbench.gate.snapshot import Snapshot, gate_table, headline
from compbench.results import upgrade
from compbench.results.dataset import TEST, UNTOLD, same_test_samples
from compbench.results.find import suite_file
from compbench.runtime import machine as runtime_machine
from compbench.runtime.target import Target, recorded_target
from compbench.suite import gate
from compbench.suite.gate import checks, refuse_unlike


@dataclass(frozen=True)
class Guard:
    """All that the pairs share. `notes` are for the reader: which limits, which machine."""

    candidate: Snapshot
    baseline: Snapshot
    targets: dict[str, Target]
    limits: Options
    data: Data
    environment: dict[str, Any]
    notes: tuple[str, ...]

    def pairs(self) -> list[Pair]:
        """Every variant of either side on every target: none is left out."""
        names = {**self.baseline.files, **self.candidate.files, **self.candidate.record.lost}
        return [
            Pair(v, n, t, self.candidate.files.get(v), self.baseline.files.get(v))
            for v in names
            for n, t in self.targets.items()
        ]

    @property
    def judged(self) -> int:
        """How many pairs have a file on both sides."""
        return sum(bool(pair.candidate and pair.baseline) for pair in self.pairs())


def prepare(
    candidate: Snapshot, baseline: Snapshot, data_dir: Path, given: Mapping[str, float | str]
) -> Guard:
    """Check that the two can be compared here; `given` limits go before the suite's.

    Raises UserError where they are of different suites or datasets, or share no variant.
    """
    refuse_no_temporary()
    theirs, ours = candidate.record, baseline.record
    if theirs.suite and theirs.suite != ours.suite:
        raise UserError(
            f"{candidate.label} is of suite '{theirs.suite}', "
            f"the baseline {baseline.label} of '{ours.suite}'"
        )
    if not {*candidate.files, *theirs.lost} & {*baseline.files}:
        raise UserError(
            f"{candidate.label} and {baseline.label} have no variant in common: "
            f"{', '.join(candidate.files)}; {', '.join(baseline.files)}"
        )
    unsure = _refuse_other_data(candidate.label, theirs.dataset, baseline) if theirs.suite else []
    limits, origin = _limits(candidate, baseline, given)
    targets = {**_targets(baseline), **_targets(candidate)}
    data, unsure_here = loaded(baseline, data_dir)
    here = runtime_machine.record()
    notes = (*unsure, *unsure_here, *_differences(candidate, baseline, here))
    about = (f"limits from {origin}: {_listed(limits)}", *notes)
    return Guard(candidate, baseline, targets, limits, data, here, about)


def loaded(baseline: Snapshot, data_dir: Path) -> tuple[Data, list[str]]:
    """The baseline's data, from this machine's copy of the dataset; and what is unsure."""
    name = baseline.record.dataset["name"]
    about = baseline.record.dataset.get("options", {})
    suite = _suite_file(baseline)
    source = kinds.recorded_dataset(name, about, suite)
    task = kinds.recorded_task(baseline.record.task, source, suite)
    loaded = splits.load(source, data_dir, task)
    here = digest.record(name, loaded)
    unsure = _refuse_other_data(f"{name} under {data_dir}", here, baseline)
    return loaded, unsure


def _targets(side: Snapshot) -> dict[str, Target]:
    suite = _suite_file(side)
    return {n: recorded_target(n, table, suite) for n, table in side.record.targets.items()}


def _suite_file(side: Snapshot) -> Path | None:
    return suite_file(side.record.suite_path, Path(side.label))


def _limits(
    candidate: Snapshot, baseline: Snapshot, given: Mapping[str, float | str]
) -> tuple[Options, str]:
    """The limits and where they are from: the suite file as it is now, or as it was recorded."""
    table = None
    origin = "compbench's defaults"
    for side in (candidate, baseline):
        path = _suite_file(side)
        table = gate_table(str(path or ""))
        if table is not None:
            origin = str(path)
            break
    if table is None:
        for side in (candidate, baseline):
            if side.record.gate is not None:
                table = upgrade.gate(side.record.gate)
                origin = f"{side.label} (no suite file here)"
                break
    limits = gate.limits({**(table or {}), **given})
    refuse_unlike(limits, headline(baseline))
    return limits, f"{origin} and pytest's configuration" if given else origin


def _listed(limits: Options) -> str:
    efforts = {name for check in checks() for name in check.efforts}
    table = limits.model_dump(exclude=efforts, exclude_none=True)
    return ", ".join(
        f"{name} {value if isinstance(value, str) else format(value, 'g')}"
        for name, value in table.items()
    )


def _differences(candidate: Snapshot, baseline: Snapshot, here: dict[str, Any]) -> list[str]:
    """What the reader must know: another machine, targets that are not the same on both sides."""
    notes = []
    machine = runtime_machine.differences(baseline.record.environment, here)
    if machine:
        notes.append(
            "the baseline is of another machine or other libraries; both sides are measured "
            f"again here, so it may be: {machine}"
        )
    theirs, ours = candidate.record.targets, baseline.record.targets
    for name in theirs.keys() & ours.keys():
        if theirs[name] != ours[name]:
            notes.append(f"target '{name}' is not what it was: both run on the candidate's")
    return notes


def _refuse_other_data(label: str, dataset: Mapping[str, Any], baseline: Snapshot) -> list[str]:
    """Raises UserError where the test samples are others; a line where that can't be told."""
    ours = baseline.record.dataset
    same = same_test_samples(dataset, ours)
    if same is None:
        return [
            f"whether {label} has the baseline's test samples is unknown, since {UNTOLD}; "
            "saved again, the baseline will tell"
        ]
    if same:
        return []
    kind = TEST if TEST in dataset and TEST in ours else "digest"
    raise UserError(
        f"{label}: the dataset's digest is {str(dataset.get(kind))[:12]}…, the baseline "
        f"{baseline.label} has {str(ours.get(kind))[:12]}…: other test samples, targets or "
        "normalisation; save the baseline again"
    )
