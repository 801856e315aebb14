"""Baselines as tables: those there are, and what differs between two; pure but for reading."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from compbench import units
from compbench.errors import UserError
from compbench.gate.baseline import listed
from compbench.gate.snapshot import Snapshot, headline
from compbench.results.dataset import UNTOLD, same_test_samples

ADDED = "added"
GONE = "gone"
CHANGED = "changed"
SAME = "same file"


def overview(baselines: Path) -> list[dict[str, str]]:
    """A row for each baseline; a damaged one says what is wrong with it."""
    return [
        {"baseline": name, "suite": str(found)}
        if isinstance(found, UserError)
        else {
            "baseline": name,
            "suite": found.record.suite,
            "saved": found.record.saved,
            "variants": str(len(found.files)),
            "files": units.bytes_text(sum(path.stat().st_size for path in found.files.values())),
            "commit": found.record.git_commit or units.NOTHING,
            "CPU": found.record.environment.get("cpu", units.NOTHING),
        }
        for name, found in listed(baselines)
    ]


def differences(before: Snapshot, after: Snapshot) -> list[dict[str, str]]:
    """A row for each variant of either side: its file, bytes, parameters, metric by target."""
    return [_difference(before, after, name) for name in {**before.files, **after.files}]


def _difference(before: Snapshot, after: Snapshot, name: str) -> dict[str, str]:
    sides = (before, after)
    sums = [_sha256(side, name) for side in sides]
    if None in sums:
        change = ADDED if sums[0] is None else GONE
    else:
        change = SAME if sums[0] == sums[1] else CHANGED
    row = {
        "variant": name,
        "change": change,
        "sha256": _became(*(one[:8] if one else None for one in sums)),
        "bytes": _became(*(_bytes(side, name) for side in sides)),
        "parameters": _became(*(_parameters(side, name) for side in sides)),
    }
    metric = headline(before if before.record.suite else after)
    for target in {**before.record.targets, **after.record.targets}:
        row[f"{metric.label} on {target}"] = _became(*(_quality(s, name, target) for s in sides))
    return row


def _became(before: str | None, after: str | None) -> str:
    shown = [one if one is not None else units.NOTHING for one in (before, after)]
    return shown[0] if before == after else " → ".join(shown)


def _sha256(side: Snapshot, name: str) -> str | None:
    entry = side.record.variants.get(name)
    return entry.sha256 if entry else None


def _bytes(side: Snapshot, name: str) -> str | None:
    return units.bytes_text(side.files[name].stat().st_size) if name in side.files else None


def _parameters(side: Snapshot, name: str) -> str | None:
    row = side.row(name, "parameters")
    return units.count_text(row.value) if row else None


def _quality(side: Snapshot, name: str, target: str) -> str | None:
    row, metric = side.row(name, "score", target), headline(side)
    return metric.text(metric.value(row.samples["score"])) if row else None


def notes(before: Snapshot, after: Snapshot) -> Iterator[str]:
    """What makes the two hard to compare, a line each."""
    ours, theirs = before.record, after.record
    if not (ours.suite and theirs.suite):
        return  # bare files say nothing of what they were made and measured for
    if ours.suite != theirs.suite:
        yield f"they are of different suites: {ours.suite}, {theirs.suite}"
        return
    same = same_test_samples(ours.dataset, theirs.dataset)
    if theirs.suite and same is None:
        yield f"whether they are of the same test samples is unknown, since {UNTOLD}"
    elif theirs.suite and not same:
        yield f"they are of different datasets: the {headline(before).plural} can't be compared"
