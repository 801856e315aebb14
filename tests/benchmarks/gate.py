"""How often the gate is right: on an unchanged model, on one that is really 5 % slower.

`python -m tests.benchmarks.gate 40` judges each 40 times, on a quiet machine and with one core kept
busy, by what `pytest --compbench` calls for each test (`guard.prepare`, `pairs.measure`,
`pairs.judge`) in this process; the first few of each also by a real pytest with its own start, to
show that both say the same.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from compbench import baseline, data, guard, pairs, snapshot
from compbench.datasets import digits
from compbench.gates import overall
from compbench.guard import Guard
from compbench.snapshot import Entry, Record, Snapshot
from compbench.targets import Target
from tests.benchmarks import nets
from tests.benchmarks.power import load

TARGET, VARIANT, SLOWER = "cpu_1thread", "net", 0.05
THROUGH_PYTEST = 3
# the slower file is larger by the weights that slow it: only its time is to be judged here
LIMITS = {"bytes_ratio": 10, "memory_ratio": 10, "memory_processes": 1}
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Judged:
    """One gate run: PASS, FAIL or INCONCLUSIVE, the ratio, and how long it took."""

    verdict: str
    ratio: float
    seconds: float


def saved(folder: Path, file: bytes) -> Snapshot:
    """A baseline of one file, with the digits' test split."""
    folder.mkdir(parents=True)
    (folder / "net.onnx").write_bytes(file)
    source = digits.Dataset()
    record = Record(
        suite="gate",
        dataset={"name": "digits", "digest": data.digest(source, folder)},
        targets={TARGET: Target().model_dump(mode="json")},
        variants={VARIANT: Entry(sha256=snapshot.sha256(folder / "net.onnx"), file="net.onnx")},
        saved=snapshot.now(),
    )
    found = Snapshot(str(folder), record, {VARIANT: folder / "net.onnx"})
    return baseline.load(baseline.write(found, folder.parent / "baselines" / "main"))


def judge(found: Guard) -> Judged:
    """What a test of the plugin does."""
    started = time.perf_counter()
    (pair,) = found.pairs()
    measured = pairs.measure(pair, found.test, found.limits)
    results = pairs.judge(pair, measured, found.candidate, found.baseline, found.limits)
    seconds = time.perf_counter() - started
    return Judged(str(overall(results)), measured.comparison.ratio.value, seconds)


def judge_by_pytest(candidate: Path, folder: Path) -> Judged:
    """A whole pytest, its start included."""
    is_installed = any(entry.name == "compbench" for entry in entry_points(group="pytest11"))
    plugin = () if is_installed else ("-p", "compbench.pytest_plugin")
    limits = [part for name, x in LIMITS.items() for part in ("-o", f"compbench_{name}={x}")]
    call = ["--compbench", str(candidate), "--compbench-baseline", "main", *limits]
    started = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *call],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - started
    told = re.search(rf"^(PASS|FAIL|INCONCLUSIVE) {VARIANT}\[.*", ended.stdout, re.MULTILINE)
    ratio = re.search(r"([0-9.]+)×", told[0]) if told else None
    if told is None or ratio is None:
        raise RuntimeError(f"pytest ended with {ended.returncode}:\n{ended.stdout}{ended.stderr}")
    return Judged(told[1], float(ratio[1]), seconds)


def summary(name: str, judged: Sequence[Judged]) -> str:
    """Counts, and the range of ratios and seconds."""
    ratios, seconds = (sorted(getattr(one, x) for one in judged) for x in ("ratio", "seconds"))
    counts = Counter(one.verdict for one in judged)
    verdicts = ", ".join(f"{counts[v]} {v}" for v in ("PASS", "FAIL", "INCONCLUSIVE"))
    middle = len(judged) // 2
    return (
        f"{name}: {verdicts}; ratios {ratios[0]:.3f} to {ratios[-1]:.3f}, median "
        f"{ratios[middle]:.3f}; {seconds[middle]:.1f} s a run (most {seconds[-1]:.1f})"
    )


def experiment(trials: int, guards: dict[str, Guard], folder: Path) -> list[str]:
    """Both models in turns, so that the machine treats them alike."""
    found: dict[str, list[Judged]] = {name: [] for name in guards}
    by_pytest: dict[str, list[Judged]] = {name: [] for name in guards}
    for trial in range(trials):
        for name, one in guards.items():
            found[name].append(judge(one))
            if trial < THROUGH_PYTEST:
                by_pytest[name].append(judge_by_pytest(Path(one.candidate.label), folder))
    lines = [summary(name, judged) for name, judged in found.items()]
    return [*lines, *(summary(f"{name}, by pytest", x) for name, x in by_pytest.items())]


def main() -> None:
    """Print the counts under each condition."""
    trials = int(sys.argv[1])
    with tempfile.TemporaryDirectory(prefix="compbench-gate-") as temporary:
        folder = Path(temporary)
        made = folder / "made"
        made.mkdir()
        base, slow, share = nets.slower_by(SLOWER, nets.convolutional(), made, Target())
        print(f"the slower net was {share:.1%} slower when it was chosen", flush=True)
        kept = saved(folder / "kept", base.read_bytes())
        guards = {}
        for name, file in (("unchanged", base), ("slower", slow)):
            candidate = folder / name
            candidate.mkdir()
            (candidate / f"{VARIANT}.onnx").write_bytes(file.read_bytes())
            guards[name] = guard.prepare(snapshot.of_files(candidate), kept, folder, LIMITS)
        for line in experiment(trials, guards, folder):
            print("quiet:", line, flush=True)
        with load(processes=1, busy_s=10, idle_s=0):
            for line in experiment(trials, guards, folder):
                print("one core busy:", line, flush=True)


if __name__ == "__main__":
    main()
