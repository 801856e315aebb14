"""How long a report of a thousand variants takes, and how much memory.

`python -m tests.benchmarks.large 1000 3 2` makes up the rows of so many variants, seeds and targets
as a run would have them (5 launches, 1,000 timed runs in each, 2,000 test images), then writes the
report in a process of its own. `python -m tests.benchmarks.large RUN` does so for a run's folder.
Ten minutes; only how long it took and what memory is printed, nothing is promised of so many.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from compbench.results import record
from compbench.results.folder import write_rows
from compbench.results.record import Run
from compbench.results.row import Row
from tests.factory import HISTORY, MEMORY, OPERATORS, lineage, make_row, make_run

IMAGES, RUNS, TURNS, LAUNCHES = 2_000, 1_000, 50, 5


def made_up(variants: int, seeds: int, targets: int) -> Run:
    """A teacher and its pruned, distilled and quantized variants."""
    kinds = ("prune_channels", "distill", "low_rank", "quantize_static")
    names = {f"variant_{i}": lineage(kinds[i % 4], "teacher") for i in range(variants - 1)}
    target = {"provider": "cpu", "threads": 1, "batch_sizes": [1, 32]}
    return make_run(
        {"teacher": lineage()} | names,
        suite="large",
        keys=tuple(f"{v}-{seed}" for v in ("teacher", *names) for seed in range(seeds)),
        seeds=tuple(range(seeds)),
        targets={f"cpu_{i}": target for i in range(targets)},
        measure={"launches": LAUNCHES, "seconds_per_arm": 0.4, "memory_processes": 5},
    )


def write(run: Run, folder: Path) -> None:
    """`run.json` and the rows, in the files that a run would write."""
    random = np.random.default_rng(0)
    truth = random.random(IMAGES)
    record.write_run(folder, run)
    labels = {"label": (np.arange(IMAGES) % 10).astype(np.uint16)}
    write_rows(folder, "dataset", [Row("", 0, "", "labels", samples=labels)])
    for index, variant in enumerate(run.variants):
        for seed in run.seeds:
            rows = _artifact(random, variant, seed, index)
            for target in run.targets:
                rows += _evaluated(random, truth, variant, seed, target, index)
            write_rows(folder, f"artifact-{variant}-{seed}", rows)
    for target in run.targets:
        for launch in range(LAUNCHES):
            rows = _launch(random, run, target, launch)
            write_rows(folder, f"launch-{target}-{launch}", rows)


def _artifact(random: np.random.Generator, variant: str, seed: int, index: int) -> list[Row]:
    size = 1e6 / (1 + index % 97)
    values = {
        "size_bytes": size,
        "packed_bytes": 0.9 * size,
        "coded_bytes": 0.8 * size,
        "parameters": size / 4,
        "nonzero_parameters": size / 4,
        "macs": 10 * size,
        "make_seconds": 5.0,
    }
    rows = [make_row(variant, name, value, seed=seed) for name, value in values.items()]
    file = {"sha256": np.array([f"{index:064x}"]), "opset": np.array([18])}
    weights = {"type": np.array(["float32"]), "count": np.array([size / 4])}
    rows.append(make_row(variant, "file", seed=seed, samples=file))
    rows.append(make_row(variant, "weights", seed=seed, samples=weights))
    rows.append(make_row(variant, "history", 2, seed=seed, samples=HISTORY))
    return rows


def _evaluated(
    random: np.random.Generator,
    truth: np.ndarray,
    variant: str,
    seed: int,
    target: str,
    index: int,
) -> list[Row]:
    where = {"seed": seed, "target": target}
    right = (truth + random.normal(0, 0.02, IMAGES) > 0.02 + 0.001 * (index % 53)).astype(np.uint8)
    profile = {
        "operator": np.array(list(OPERATORS)),
        "provider": np.array(["CPUExecutionProvider"] * len(OPERATORS)),
        "int8": np.zeros(len(OPERATORS), np.uint8),
        "nodes": np.ones(len(OPERATORS), np.int32),
        "ns": np.array(list(OPERATORS.values())),
    }
    placement = {"provider": np.array(["CPUExecutionProvider"]), "nodes": np.array([3], np.int32)}
    wrong = np.flatnonzero(right == 0).astype(np.int32)
    errors = {"index": wrong, "predicted": (wrong % 10).astype(np.uint16)}
    return [
        make_row(variant, "score", samples={"score": right}, **where),
        make_row(variant, "validation_score", samples={"score": right}, **where),
        make_row(variant, "errors", samples=errors, **where),
        make_row(variant, "parity_max_abs", 1e-6, **where),
        make_row(variant, "parity_agreement", 1.0, **where),
        make_row(variant, "placement", samples=placement, **where),
        make_row(variant, "memory_bytes", batch_size=1, samples=MEMORY, **where),
        make_row(variant, "operators", batch_size=1, samples=profile, **where),
    ]


def _launch(random: np.random.Generator, run: Run, target: str, launch: int) -> Iterator[Row]:
    turn = np.repeat(np.arange(TURNS, dtype=np.int32), RUNS // TURNS)
    kept = np.ones(RUNS, np.uint8)
    kept[:: RUNS // TURNS] = 0
    for index, variant in enumerate(run.variants):
        typical = 1e5 / (1 + index % 89 / 10)
        for seed in run.seeds:
            arms = ["latency_ns"]
            if variant == run.baseline and seed == run.seeds[0]:
                arms.append("control_latency_ns")
                machine = {
                    name: np.array([0.01])
                    for name in ("other_load", "steal", "involuntary_switches")
                } | {"peak_macs_per_s": np.array([5e10])}
                yield make_row(variant, "machine", target=target, launch=launch, samples=machine)
            for metric in arms:
                samples = {
                    "duration_ns": random.lognormal(np.log(typical), 0.02, RUNS).astype(np.int64),
                    "turn": turn,
                    "order": np.zeros(RUNS, np.int16),
                    "kept": kept,
                    "cpu_ns": np.where(kept == 1, int(typical), 0).astype(np.int64),
                }
                yield make_row(
                    variant,
                    metric,
                    seed=seed,
                    target=target,
                    batch_size=1,
                    launch=launch,
                    samples=samples,
                )
            for size in (1, 32):
                rates = {"images_per_s": np.array([0.9, 1.1]) * size * 1e9 / typical}
                yield make_row(
                    variant,
                    "throughput_per_s",
                    seed=seed,
                    target=target,
                    batch_size=size,
                    launch=launch,
                    samples=rates,
                )


def report(folder: Path, reports: Path) -> str:
    """Write it in a process of its own, as the command does; seconds and the most memory."""
    started = time.perf_counter()
    command = [sys.executable, "-m", "compbench", "report", str(folder), "--reports", str(reports)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert not done.stderr, done.stderr  # of rows that were left out
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
    size = sum(path.stat().st_size for path in folder.rglob("*")) / 1e6
    return f"{seconds:.1f} s, at most {peak:.2f} GB of memory, for {size:.0f} MB of rows"


def main() -> None:
    """Print what it took."""
    with tempfile.TemporaryDirectory(prefix="compbench-large-") as scratch:
        folder = Path(scratch) / "run"
        if len(sys.argv) == 2:
            folder = Path(sys.argv[1])
        else:
            folder.mkdir()
            write(made_up(*map(int, sys.argv[1:])), folder)
        print(f"the report of {' '.join(sys.argv[1:])}: {report(folder, Path(scratch))}")


if __name__ == "__main__":
    main()
