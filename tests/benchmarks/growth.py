"""How long the default protocol takes for 5, 10 and 20 variants.

`python -m tests.benchmarks.growth` takes half an hour. A variant may take a tenth longer among 20
than among 5.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from compbench.measure import footprint, profile
from compbench.measure.launch import Spec, launch
from compbench.measure.rows import CONTROL
from compbench.measure.turns import Turns
from compbench.runtime.target import Target
from compbench.suite.tables import Measure
from tests.benchmarks import nets
from tests.benchmarks.bounds import Bounds

MOST_GROWTH = 1.1


def seconds(count: int, file: str) -> float:
    """Memory, operators and all launches of so many variants, each the same net."""
    started, protocol, target = time.perf_counter(), Measure(), Target()
    arms = {f"variant-{i}": file for i in range(count)}
    for path in arms.values():
        footprint.footprints(path, target, protocol.memory_processes, nets.images())
        profile.profile(path, target, nets.images())
    for seed in range(protocol.launches):
        turns = Turns(protocol.seconds_per_arm)
        launch(Spec({**arms, CONTROL: file}, target, turns, seed), nets.images())
    return time.perf_counter() - started


def main() -> None:
    """Print a line for each number of variants."""
    bounds, each = Bounds(), list[float]()
    with tempfile.TemporaryDirectory(prefix="compbench-growth-") as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(nets.convolutional())
        for count in (5, 10, 20):
            found = seconds(count, str(path))
            each.append(found / count)
            print(f"{count} variants: {found:.0f} s, {each[-1]:.1f} s a variant", flush=True)
    bounds.at_most("seconds a variant, of most over of fewest", each[-1] / each[0], MOST_GROWTH)
    bounds.end()


if __name__ == "__main__":
    main()
