"""How long a suite of many variants takes, and how much memory: all really made and measured.

`python -m tests.benchmarks.many 30 100 300` runs a suite of so many variants each, at three seeds:
a small net, pruned to many ratios and quantized in two ways without training. Printed are seconds
and the most memory of the run, of `check` afterwards, and of its report.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

SEEDS = 3
REPORT_S = 30
GROWTH = 1.3  # of the seconds an artifact, from the fewest to the most
HEAD = f"""
dataset = "digits"
seeds = {list(range(SEEDS))}
[measure]
launches = 2
seconds_per_arm = 0.01
memory_processes = 1
[variants.teacher]
technique = "train"
model = {{ name = "mlp", hidden = [32] }}
epochs = 2
"""


def suite(variants: int) -> str:
    """A teacher, and threes of it: pruned, and that one quantized in two ways."""
    tables = [HEAD]
    for number in range((variants - 1) // 3):
        name, ratio = f"pruned_{number}", round(0.05 + 0.9 * number / variants, 4)
        tables.append(
            f'[variants.{name}]\ntechnique = "prune_weights"\nparent = "teacher"\n'
            f"ratio = {ratio}\nepochs = 0\n"
        )
        tables += [
            f'[variants.{name}_{how}]\ntechnique = "quantize_{how}"\nparent = "{name}"\n'
            for how in ("static", "dynamic")
        ]
    return "".join(tables)


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    seconds: float
    peak_gb: float

    def __str__(self) -> str:
        return f"{self.seconds:.0f} s, at most {self.peak_gb:.2f} GB"


def timed(*command: str) -> Cost:
    """A command in a process of its own: how long it took, and the most memory of a process."""
    started = time.perf_counter()
    script = [sys.executable, "-c", _TOLD, *command]
    done = subprocess.run(script, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    peak_gb = float(done.stdout.splitlines()[-1]) / 1e6
    return Cost(time.perf_counter() - started, peak_gb)


_TOLD = """
import resource, sys
from compbench.cli.main import main
sys.argv = ["compbench", *sys.argv[1:]]
code = 0
try:
    main()
except SystemExit as stopped:
    code = stopped.code
used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(max(one.ru_maxrss for one in used))
sys.exit(code)
"""


def main() -> None:
    """Print a line for each number of variants; an error where a cost grows faster than they do."""
    seen: list[tuple[int, Cost]] = []
    for count in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory(prefix="compbench-many-") as scratch:
            path, results = Path(scratch) / "many.toml", Path(scratch) / "results"
            path.write_text(suite(count))
            where = ("--results", str(results))
            made = timed("run", str(path), "--quiet", *where)
            again = timed("check", str(path), *where)
            report = timed("report", "many", "--quiet", *where)
            number = len([*(results / "artifacts").glob("*/manifest.json")])
            print(
                f"{count} variants, {number} artifacts: run {made}; check {again}; report {report}",
                flush=True,
            )
            assert report.seconds <= REPORT_S, "the report takes too long"
            seen.append((number, made))
    (few, least), (many, most) = seen[0], seen[-1]
    assert most.seconds / many <= GROWTH * least.seconds / few, "a step is not linear"


if __name__ == "__main__":
    main()
