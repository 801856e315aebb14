"""What two runs do not have in common before anything was measured, in plain lines; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from compbench.results.dataset import UNTOLD, same_test_samples
from compbench.results.record import Run, became
from compbench.runtime.machine import FIELDS
from compbench.units import bytes_text

_UNTOLD = ("load_1min",)  # of the moment
_SETTINGS = {
    "suite": "suite",
    "suite_path": "suite file",
    "protocol": "measuring protocol",
    "seeds": "seeds",
    "baseline": "baseline",
}


def between(a: Run, b: Run) -> tuple[str, ...]:
    """Git commit and settings first, then dataset, targets and environment."""
    return (
        *_fields({"git_commit": "git commit"}, a.environment, b.environment),
        *_fields(_SETTINGS, a.model_dump(mode="json"), b.model_dump(mode="json")),
        *(f"measured: {line}" for line in became(_measure(a), _measure(b))),
        *_dataset(a, b),
        *_targets(a, b),
        *_environment(a, b),
    )


def _fields(labels: Mapping[str, str], a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    return became(*({label: side.get(n) for n, label in labels.items()} for side in (a, b)))


def _measure(run: Run) -> dict[str, Any]:
    return {"with --fast": run.is_fast, **run.measure}


def is_comparable(a: Run, b: Run) -> bool:
    """Whether both are of one dataset and judged by one metric, so that values may be compared."""
    return a.dataset["name"] == b.dataset["name"] and a.headline == b.headline


def _dataset(a: Run, b: Run) -> Iterator[str]:
    one, other = a.dataset["name"], b.dataset["name"]
    values = b.headline.plural
    if a.headline != b.headline:
        metrics = (f"{run.headline.label} {run.headline.unit}".rstrip() for run in (a, b))
        yield f"metric: {' became '.join(metrics)}: values of one are not compared with the other's"
    if one != other:
        yield f"dataset: {one} became {other}: {values} are not compared"
    if not is_comparable(a, b):
        return
    same = same_test_samples(a.dataset, b.dataset)
    unpaired = "compared as those of different samples (unpaired, wider intervals)"
    if same is None:
        yield (
            f"dataset: whether {one} has the same test samples is unknown, since {UNTOLD}: "
            f"{values} are {unpaired}"
        )
    elif not same:
        yield (
            f"dataset: {one} has another digest, its files or splits may differ: "
            f"{values} are {unpaired}"
        )
    elif a.dataset["digest"] != b.dataset["digest"]:
        yield f"dataset: {one} has the same test samples, but others to train or validate on"


def _targets(a: Run, b: Run) -> Iterator[str]:
    for name, runs in (("A", (a, b)), ("B", (b, a))):
        for target in runs[0].targets:
            if target not in runs[1].targets:
                yield f"target {target}: only in {name}"
    for name in a.targets:
        for line in became(a.targets[name], b.targets.get(name, a.targets[name])):
            yield f"target {name}: {line}"


def _environment(a: Run, b: Run) -> list[str]:
    labels = {n: x for n, x in FIELDS.items() if n not in (*_UNTOLD, "git_commit")}
    sides = []
    for run in (a, b):
        memory = run.environment.get("memory_bytes")
        sides.append({**run.environment, "memory_bytes": bytes_text(memory)})
    return _fields(labels, *sides)
