"""How long the default protocol takes for 5, 10 and 20 variants.

Run it by `python -m tests.benchmarks.growth`.
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
    with tempfile.TemporaryDirectory(prefix="compbench-growth-") as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(nets.convolutional())
        for count in (5, 10, 20):
            found = seconds(count, str(path))
            print(f"{count} variants: {found:.0f} s, {found / count:.1f} s a variant", flush=True)


if __name__ == "__main__":
    main()
