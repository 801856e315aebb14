"""False alarms and power of `compbench drift`, on real nets and real images.

`python -m tests.benchmarks.drifting [TRIALS]`: a teacher and a student that learnt from it are made
once of MNIST (under COMPBENCH_DATA, else `data`) and of digits. Of the test split a random part is
the new data, the others are what was held out, so that no sample is on both sides. Unshifted parts
may be alarmed in 1 % of all trials; with Gaussian noise of severity 3 (a deviation of 0.08 of the
range; D. Hendrycks and T. Dietterich, arXiv:1903.12261, as for CIFAR-10) 95 % or more of MNIST's
must be from 300 samples on. Beside it stands what the validation split alone would say. Of digits
there are 360 test images, and so little noise hardly changes how these nets differ: its shares are
printed, and promised is only that false alarms are rare.
Ten minutes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compbench.contracts import Split, kinds
from compbench.data import splits
from compbench.drift import inference
from compbench.drift.figures import Comparison
from compbench.runtime.inference import packed
from compbench.runtime.process import Worker
from compbench.runtime.target import Target
from compbench.shifts import noise
from compbench.statistics.drift import Apart, Case, judged
from tests.benchmarks import fresh
from tests.benchmarks.bounds import Bounds

ALPHA, MOST_ALARMS, LEAST_FOUND = 0.01, 0.01, 0.95
SEVERITY = 3
SIZES = {"digits": (100, 180), "mnist": (100, 300, 1000, 5000)}
EPOCHS = {"digits": 20, "mnist": 3}
LEAST_SAMPLES = 300  # from which on noise must be found
SUITE = """
dataset = "{dataset}"
[variants.teacher]
technique = "train"
model = "cnn"
epochs = {epochs}
[variants.student]
technique = "distill"
parent = "teacher"
model = {{ name = "mlp", hidden = [32] }}
epochs = {epochs}
[measure]
launches = 2
seconds_per_arm = 0.02
memory_processes = 1
"""


@dataclass(frozen=True)
class Made:
    """How far teacher and student are apart: on validation, on test, and on test with noise."""

    validation: Apart
    test: Apart
    noisy: Mapping[int, Apart]  # by severity


def made(dataset: str, data_dir: Path, folder: Path) -> Made:
    """Run the suite, and both files on all samples."""
    suite = folder / f"{dataset}.toml"
    suite.write_text(SUITE.format(dataset=dataset, epochs=EPOCHS[dataset]), "utf-8")
    results = folder / "results"
    command = ("run", str(suite), "--results", str(results), "--data-dir", str(data_dir), "--quiet")
    fresh.timed(fresh.compbench(*command))
    for variant in ("teacher", "student"):
        out = str(folder / dataset / f"{variant}.onnx")
        Path(out).parent.mkdir(exist_ok=True)
        export = fresh.compbench("export", dataset, variant, out, "--results", str(results))
        fresh.timed(export)
        (Path(out).parent / "README.md").unlink()
    files = tuple(str(folder / dataset / f"{name}.onnx") for name in ("teacher", "student"))
    data, random = splits.load(kinds.dataset(dataset), data_dir), np.random.default_rng(0)
    shift, inputs = noise.Shift(), data.test.arrays
    change = shift.begin(data.training)
    noisy = {
        f"noise {severity}": Split(change(inputs, severity, random), data.test.targets)
        for severity in shift.severities
    }
    every = {"validation": data.training.validation, "test": data.test, **noisy}
    arrays = {n: a for name, split in every.items() for n, a in packed(name, split).items()}
    with Worker(arrays) as worker:
        found = {
            name: inference.apart(worker, (files[0], files[1]), name, Comparison(True), Target())
            for name in every
        }
    by_severity = {s: found[f"noise {s}"] for s in shift.severities}
    return Made(found["validation"], found["test"], by_severity)


def part(whole: Apart, rows: np.ndarray) -> Apart:
    return Apart({name: values[rows] for name, values in whole.figures.items()})


def alarms(one: Made, new: Apart, samples: int, trials: int, seed: int) -> tuple[float, float]:
    """How often so many new samples are alarmed, and how often beside validation alone."""
    random = np.random.default_rng(seed)
    both = alone = 0
    for _ in range(trials):
        order = random.permutation(len(one.test))
        now, held_out = part(new, order[:samples]), part(one.test, order[samples:])
        then = {"validation": one.validation, "test": held_out}
        both += judged({"student": Case("teacher", then, now)}, ALPHA)[0].is_alarm
        then = {"validation": one.validation}
        alone += judged({"student": Case("teacher", then, now)}, ALPHA)[0].is_alarm
    return both / trials, alone / trials


def measured(dataset: str, one: Made, trials: int, bounds: Bounds) -> None:
    """Print a line for each number of samples and severity, and what is promised."""
    for name, found in (("validation", one.validation), ("test", one.test), *one.noisy.items()):
        means = ", ".join(f"{n} {v.mean():.4f}" for n, v in found.figures.items())
        print(f"{dataset}, {f'noise {name}' if isinstance(name, int) else name}: {means}")
    for samples in SIZES[dataset]:
        both, alone = alarms(one, one.test, samples, trials, samples)
        print(f"  {samples:,} unshifted: beside validation alone {alone:.2%} alarmed", flush=True)
        bounds.at_most(
            f"{dataset}, {samples:,} unshifted samples, {trials:,} trials, alarmed",
            both,
            MOST_ALARMS,
            "%",
        )
        for severity, noisy in one.noisy.items():
            few = trials if severity == SEVERITY else max(1, trials // 5)
            both, alone = alarms(one, noisy, samples, few, 10 * samples + severity)
            told = f"{dataset}, {samples:,} samples with noise {severity}, {few:,} trials, alarmed"
            if severity == SEVERITY and dataset == "mnist" and samples >= LEAST_SAMPLES:
                bounds.at_least(told, both, LEAST_FOUND, "%")
            else:
                print(f"{told}: {both:.1%}", flush=True)
            print(f"  beside validation alone {alone:.1%}", flush=True)


def main() -> None:
    """Make both pairs, and try them."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    data_dir, bounds = Path(os.environ.get("COMPBENCH_DATA", "data")), Bounds()
    with tempfile.TemporaryDirectory(prefix="compbench-drifting-") as folder:
        for dataset in SIZES:
            measured(dataset, made(dataset, data_dir, Path(folder)), trials, bounds)
    bounds.end()


if __name__ == "__main__":
    main()
