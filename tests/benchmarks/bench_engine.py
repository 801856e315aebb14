"""What the harness costs around one inference; `make bench` runs this."""

from __future__ import annotations

from time import perf_counter_ns

import numpy as np
from pytest_benchmark.fixture import BenchmarkFixture

from compbench.measure import turns
from compbench.measure.turns import Clocks, Turns
from compbench.runtime.session import OrtSession
from compbench.runtime.target import Target
from tests.benchmarks import nets
from tests.fakes import FakeClock, FakeSession

RUNS = 1000
INFERENCE_NS = 100_000


def bench_timed_run_of_nothing(benchmark: BenchmarkFixture) -> None:
    """A thousand timed runs of a session that only moves a clock: the harness alone."""
    clock = FakeClock()
    session = FakeSession(clock, [1])
    durations = benchmark(turns._durations, session, RUNS, clock)
    assert durations == [1] * RUNS
    benchmark.extra_info["runs"] = RUNS


def bench_timed_run_of_the_identity(benchmark: BenchmarkFixture) -> None:
    """The same of ONNX Runtime with one Identity node: what a session costs at least."""
    session = OrtSession(nets.identity(), Target())
    session.bind({"input": np.ones((1, 10), np.float32)})
    durations = benchmark(turns._durations, session, RUNS, perf_counter_ns)
    assert len(durations) == RUNS
    benchmark.extra_info |= {"runs": RUNS, "p50_ns": float(np.median(durations))}


def bench_a_launch_without_its_inferences(benchmark: BenchmarkFixture) -> None:
    """Ten arms taking turns for 0.4 s each of a clock that costs nothing: bookkeeping only."""

    def launch() -> int:
        clock = FakeClock()
        arms = {f"arm {i}": FakeSession(clock, [INFERENCE_NS]) for i in range(10)}
        batches = [{"input": np.zeros((1, 10), np.float32)}]
        clocks = Clocks(clock, clock)
        taken = turns.latencies(arms, batches, np.random.default_rng(0), Turns(), clocks)
        return sum(len(one.duration_ns) for one in taken.values())

    benchmark.extra_info["runs"] = benchmark.pedantic(launch, rounds=3)
    assert benchmark.extra_info["runs"] * INFERENCE_NS >= 10 * 0.4e9
