"""The files of two runs side by side, now, on this machine: what stored times can't tell."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compbench.compare.compare import SAME_FILE, Again, Comparison, compare
from compbench.compare.match import Pair, Side, is_same_file, match, refuse_nothing_in_common, side
from compbench.contracts import kinds
from compbench.contracts.inputs import Inputs
from compbench.data import cache, samples, splits
from compbench.errors import JobFailed, UserError
from compbench.files import sha256
from compbench.gate import paired_timing
from compbench.gate.paired_timing import Limits
from compbench.make.store import MODEL, Store
from compbench.results.find import suite_file
from compbench.results.folder import examine
from compbench.results.record import Run, read_run
from compbench.runtime.target import Target, recorded_target


@dataclass(frozen=True)
class Places:
    """Where artifacts may be (folders with a store), and where datasets are."""

    results: tuple[Path, ...]
    data: Path


def compare_folders(folders: tuple[Path, Path], results: Path, data_dir: Path | None) -> Comparison:
    """Two runs by their folders, measured side by side as well where there is a `data_dir`.

    Artifacts are looked for under `results` and where the runs are.
    """
    a, b = map(_side, folders)
    refuse_nothing_in_common(a, b)
    if data_dir is None:
        return compare(a, b)
    own = (place for path in folders for place in [*path.absolute().parents][2:3])
    places = Places((results, *own), data_dir)
    with cache.fallback(results):
        again = remeasure(a, b, places, lambda line: print(line, file=sys.stderr))
    return compare(a, b, again)


def _side(folder: Path) -> Side:
    run = read_run(folder)
    found = examine(folder, run)
    return side(str(folder), run, found.rows, found.problems.values())


def remeasure(a: Side, b: Side, places: Places, tell: Callable[[str], None]) -> Again:
    """For each pair on each target of both runs the gate's ratio (B to A), or why there is none.

    Of several seeds the first that both have is measured. Raises UserError where the dataset, whose
    test samples are what the files are run on, is not there.
    """
    todo: dict[tuple[str, str], tuple[str, str]] = {}
    found: dict[tuple[str, str], paired_timing.Comparison | str] = {}
    targets = _targets(a, b)
    for name in targets:
        for pair in match(a, b):
            if pair.a is None or pair.b is None or _has_failed(a, b, pair, name):
                continue
            obstacle = targets[name].unavailable() or _obstacle(a, b, pair)
            ready = obstacle or files(a, b, pair, places.results)
            if isinstance(ready, str):
                found[pair.name, name] = ready
            else:
                todo[pair.name, name] = ready
    inputs = _inputs(b, places.data) if todo else None
    for count, ((variant, name), paths) in enumerate(todo.items(), start=1):
        assert inputs is not None
        tell(f"  [{count}/{len(todo)}] both files of {variant} side by side on {name}")
        found[variant, name] = _ratio(paths, targets[name], inputs)
    return found


def files(a: Side, b: Side, pair: Pair, results: Sequence[Path]) -> tuple[str, str] | str:
    """B's and A's ONNX file at a seed that both have, checked; or why there are not both."""
    assert pair.a is not None and pair.b is not None
    one, other = a.artifacts(pair.a), b.artifacts(pair.b)
    common = [seed for seed in one if seed in other]
    if not common:
        return "no seed of it is in both runs"
    paths = []
    for name, (key, checksum) in (("B", other[common[0]]), ("A", one[common[0]])):
        there = [p for root in results if (p := Store(root).root / key / MODEL).is_file()]
        whole = [p for p in there if sha256(p) == checksum]
        if not whole:
            what = "in the store has another checksum" if there else "is not in the store"
            return f"{name}'s file {what}"
        paths.append(str(whole[0]))
    return paths[0], paths[1]


def _has_failed(a: Side, b: Side, pair: Pair, target: str) -> bool:
    assert pair.a is not None and pair.b is not None
    found = (a.summaries.find(pair.a, target), b.summaries.find(pair.b, target))
    return any(summary.reason.startswith("failed") for summary in found)


def _obstacle(a: Side, b: Side, pair: Pair) -> str | None:
    if is_same_file(a, b, pair):
        return SAME_FILE
    if _shapes(a.run) != _shapes(b.run):
        return "the runs' inputs have different shapes"
    return None


def _targets(a: Side, b: Side) -> dict[str, Target]:
    """Those of both runs, as the newer has them."""
    suite, tables = _suite_file(b), b.run.targets
    return {n: recorded_target(n, tables[n], suite) for n in a.run.targets if n in tables}


def _suite_file(one: Side) -> Path | None:
    return suite_file(one.run.suite_path, Path(one.label))


def _shapes(run: Run) -> dict[str, Any]:
    return {name: one["shape"] for name, one in run.dataset["inputs"].items()}


def _inputs(newer: Side, data_dir: Path) -> Inputs:
    about, task = newer.run.dataset, newer.run.task
    name, suite = about["name"], _suite_file(newer)
    source = kinds.recorded_dataset(name, about.get("options", {}), suite)
    if samples.fingerprint(source, data_dir) is None:
        raise UserError(
            f"{name}, on whose test samples files are measured, is not under {data_dir}; "
            "name its folder with --data-dir or COMPBENCH_DATA"
        )
    meant = kinds.recorded_task(task, source, suite)
    return splits.load(source, data_dir, meant).measured


def _ratio(
    paths: tuple[str, str], target: Target, inputs: Inputs
) -> paired_timing.Comparison | str:
    try:
        return paired_timing.compare(paths, target, inputs, Limits())
    except JobFailed as error:
        return str(error)
