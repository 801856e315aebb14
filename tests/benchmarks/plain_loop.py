"""How much slower is a file, by a loop that shares no code with compbench?

`python -m tests.benchmarks.plain_loop slow.onnx base.onnx` prints the ratio of a few seconds in a
process of its own: bare sessions that take blocks of back-to-back runs in turn, each block timed as
a whole by another clock than compbench's. What the gate says is compared with this.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

BLOCK_S = 0.004
BLOCKS = 400  # pairs of blocks
PROCESSES = 3


def slowdown(slow: Path, base: Path) -> float:
    """The ratio of times less 1: the middle one of fresh processes."""
    command = [sys.executable, "-m", __name__, str(slow), str(base)]
    ratios = [
        float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for _ in range(PROCESSES)
    ]
    return sorted(ratios)[PROCESSES // 2] - 1


def measured(slow: str, base: str) -> float:
    """The middle ratio of neighbouring blocks."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    sessions = [
        onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        for file in (slow, base)
    ]
    (taken_in,) = sessions[0].get_inputs()
    shape = [1, *taken_in.shape[1:]]
    given = {taken_in.name: np.random.default_rng(1).random(shape, np.float32)}

    def block(session: onnxruntime.InferenceSession, runs: int) -> float:
        started = time.clock_gettime(time.CLOCK_MONOTONIC)
        for _ in range(runs):
            session.run(None, given)
        return (time.clock_gettime(time.CLOCK_MONOTONIC) - started) / runs

    for session in sessions:
        block(session, 200)
    runs = max(1, round(BLOCK_S / block(sessions[1], 200)))
    ratios = []
    for turn in range(BLOCKS):
        order = (0, 1) if turn % 2 else (1, 0)
        taken = {}
        for which in order:
            sessions[which].run(None, given)  # a switch of model: not timed
            taken[which] = block(sessions[which], runs)
        ratios.append(taken[0] / taken[1])
    return float(np.median(ratios))


if __name__ == "__main__":
    print(measured(*sys.argv[1:3]))
