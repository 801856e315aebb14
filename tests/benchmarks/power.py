"""False alarms and power of compbench's comparison, by its own engine.

`python -m tests.benchmarks.power 60` compares a net with itself and with one that is really 5 %
slower (by `plain_loop.py`, in other processes), 60 times each, on a quiet machine and with one core
kept busy by another process; then the gate judges both a few times while all cores are busy in
bursts. At most 5 % may be false alarms, at least 95 % of the slower ones must be found, and in
bursts no verdict may be wrong: what can't be decided says so. An hour.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from compbench.gate import paired_timing
from compbench.runtime.target import Target
from compbench.statistics.intervals import Interval
from tests.benchmarks import nets
from tests.benchmarks.bounds import Bounds

DIFFERENT = 0.02
MOST_ALARMS, LEAST_FOUND = 0.05, 0.95


def different(ratio: Interval) -> bool:
    """Called different: by more than 2 %, and the interval does not hold 1."""
    return abs(ratio.value - 1) > DIFFERENT and not ratio.low <= 1 <= ratio.high


def experiment(trials: int, base: Path, slow: Path, name: str, bounds: Bounds) -> None:
    """Each trial is five launches of candidate, baseline and control: one pair of each kind."""
    alarms, found, verdicts, seconds, ratios = 0, 0, Counter(), [], []
    for trial in range(trials):
        started = time.perf_counter()
        taken = [
            paired_timing.timed((str(slow), str(base)), Target(), nets.images(), 1000 * trial + i)
            for i in range(paired_timing.LAUNCHES)
        ]
        one = paired_timing.comparison(taken, paired_timing.Limits())
        seconds.append(time.perf_counter() - started)
        alarms += different(one.control)
        found += one.ratio.low > 1 and one.ratio.value > 1 + DIFFERENT
        verdicts[one.verdict.value] += 1
        ratios.append(one.ratio.value)
    ratios.sort()
    bounds.at_most(f"{name}, {trials} A/A called different", alarms / trials, MOST_ALARMS, "%")
    bounds.at_least(f"{name}, {trials} slower ones found", found / trials, LEAST_FOUND, "%")
    print(
        f"  ratios {ratios[0]:.3f} to {ratios[-1]:.3f}, median {ratios[trials // 2]:.3f}; "
        f"verdicts before any repetition {dict(verdicts)}; "
        f"seconds a pair: median {sorted(seconds)[trials // 2]:.1f}, most {max(seconds):.1f}",
        flush=True,
    )


def bursts(trials: int, base: Path, slow: Path, bounds: Bounds) -> None:
    """The gate's verdicts, repetitions included, on an unchanged net and on the slower one.

    With two threads, which wait for each other: with one, bursts disturb too little.
    """
    found = {"unchanged": Counter(), "slower": Counter()}
    widths = []
    for trial in range(trials):
        for name, candidate in (("unchanged", base), ("slower", slow)):
            files = (str(candidate), str(base))
            one = paired_timing.compare(
                files, Target(threads=2), nets.images(), paired_timing.Limits(), 1000 * trial
            )
            found[name][one.verdict.value] += 1
            widths.append(max(one.ratio.high - one.ratio.value, one.ratio.value - one.ratio.low))
    lines = ", ".join(f"{name}: {dict(counts)}" for name, counts in found.items())
    wrong = found["unchanged"]["FAIL"] + found["slower"]["PASS"]
    bounds.none_of("bursts on all cores, wrong verdicts", wrong)
    print(f"  {lines}; half-widths {min(widths):.1%} to {max(widths):.1%}", flush=True)


def _spin(busy_s: float, idle_s: float) -> None:
    """Compute for up to so long, rest for up to so long, at random; for ever."""
    chance = random.Random()
    while True:
        end = time.perf_counter() + chance.uniform(0, busy_s)
        while time.perf_counter() < end:
            pass
        time.sleep(chance.uniform(0, idle_s))


@contextmanager
def load(processes: int, busy_s: float, idle_s: float) -> Iterator[None]:
    """Other processes beside what is measured."""
    context = multiprocessing.get_context("spawn")
    spinning = [
        context.Process(target=_spin, args=(busy_s, idle_s), daemon=True) for _ in range(processes)
    ]
    for process in spinning:
        process.start()
    try:
        yield
    finally:
        for process in spinning:
            process.terminate()
            process.join()


def main() -> None:
    """Print a line for each condition."""
    trials, bounds = int(sys.argv[1]), Bounds()
    with tempfile.TemporaryDirectory(prefix="compbench-power-") as folder:
        file = nets.convolutional()
        base, slow, share = nets.slower_by(0.05, file, Path(folder))
        print(f"the slower net is {share:.1%} slower by a plain loop", flush=True)
        experiment(trials, base, slow, "quiet", bounds)
        with load(processes=1, busy_s=10, idle_s=0):
            experiment(trials, base, slow, "one core busy", bounds)
        with load(processes=os.cpu_count() or 1, busy_s=0.4, idle_s=0.4):
            bursts(max(1, trials // 12), base, slow, bounds)
    bounds.end()


if __name__ == "__main__":
    main()
