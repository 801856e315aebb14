"""How long a suite of many variants takes, and how much memory: all really made and measured.

`python -m tests.benchmarks.many 30 100 300` runs a suite of about so many variants each, at three
seeds (300: 903 artifacts): a small net, pruned to many ratios and quantized in two ways without
training. Printed are seconds and the most memory of the run, of `check` afterwards, and of its
report; between the two largest none may grow by more than the power 1.3 of the artifacts. An hour.
"""

from __future__ import annotations

import sys
import tempfile
from math import ceil, log
from pathlib import Path

from tests.benchmarks import fresh
from tests.benchmarks.bounds import Bounds

SEEDS = 3
REPORT_S = 30
SLOPE = 1.3
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
    """A teacher, and as many threes as are needed: pruned, and that one quantized in two ways."""
    tables = [HEAD]
    for number in range(ceil((variants - 1) / 3)):
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


def costs(variants: int, folder: Path) -> tuple[int, dict[str, fresh.Cost]]:
    """How many artifacts a suite of so many variants has, and what each command took."""
    path, where = folder / "many.toml", ("--results", str(folder / "results"))
    path.write_text(suite(variants))
    found = {
        "run": fresh.timed(fresh.compbench("run", str(path), "--quiet", *where)),
        "check": fresh.timed(fresh.compbench("check", str(path), *where)),
        "report": fresh.timed(fresh.compbench("report", "many", "--quiet", *where)),
    }
    return len([*(folder / "results" / "artifacts").glob("*/manifest.json")]), found


def slope(few: tuple[float, float], many: tuple[float, float]) -> float:
    """By which power of its number something grows, from two pairs of number and cost."""
    return log(many[1] / few[1]) / log(many[0] / few[0])


def main() -> None:
    """Print a line for each number of variants, then how each cost grows, and the bounds."""
    bounds, seen = Bounds(), list[tuple[int, dict[str, fresh.Cost]]]()
    for count in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory(prefix="compbench-many-") as scratch:
            number, found = costs(count, Path(scratch))
        told = "; ".join(f"{command} {cost}" for command, cost in found.items())
        print(f"{number} artifacts: {told}", flush=True)
        seen.append((number, found))
    (few, least), (many, most) = seen[-2:]
    bounds.at_most(f"report of {many} artifacts", most["report"].seconds, REPORT_S, "s")
    for command, after in most.items():
        before = least[command]
        for what, pair in {
            "seconds": (before.seconds, after.seconds),
            "CPU seconds": (before.cpu_seconds, after.cpu_seconds),
            "memory": (before.peak_gb, after.peak_gb),
        }.items():
            found = slope((few, pair[0]), (many, pair[1]))
            bounds.at_most(f"{command}, {what} by artifacts, log-log slope", found, SLOPE)
    bounds.end()


if __name__ == "__main__":
    main()
