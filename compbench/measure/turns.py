"""Sessions + clock -> raw samples: arms take turns, so that drift hits those compared alike.

The numbers are the protocol's; its experiments are summed up in docs/measurement.md.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from statistics import median
from time import perf_counter_ns, process_time_ns

import numpy as np
from numpy.typing import NDArray

from compbench.contracts.inputs import Inputs, size
from compbench.measure.groups import grouped
from compbench.runtime.session import Session

WARM_UP_RUNS = 10  # at least
WARM_UP_NS = 300_000_000  # at most, where there are as many runs by then
WARM_UP_BLOCK_NS = 2_000_000  # a block of the warm-up; of two runs at least
STEADY_BLOCKS = 5  # whose medians agree
STEADY = 0.02  # within this share
TURN_NS = 1_500_000  # an arm's part of a turn lasts about this long ...
LEAST_RUNS_A_TURN = 3  # ... but no shorter than this: of two runs, one preemption spoils the median
MOST_RUNS_A_TURN = 32  # ... nor longer: noise lasts 100 ms, more runs tell nothing new
LEAST_TURNS = 20
FEWEST_TURNS = 5  # of arms that take so long that twenty would take more than ...
PATIENCE_NS = 2_000_000_000  # ... this for each
MOST_TURNS = 6_000  # enough for the median of nets so small that turns cost more than runs
BLOCK_NS = 50_000_000  # a block of runs whose throughput is one sample
BLOCKS = 2


@dataclass(frozen=True)
class Clocks:
    """Nanoseconds: of the wall, and of all this process's threads together."""

    wall: Callable[[], int] = perf_counter_ns
    cpu: Callable[[], int] = process_time_ns


@dataclass(frozen=True)
class Turns:
    """How arms take turns, in a run as in a gate."""

    seconds_per_arm: float = 0.4
    discarded: int = 1  # runs after a switch of model, which pay for a cold cache
    most_runs: int = MOST_RUNS_A_TURN


@dataclass(frozen=True)
class Latencies:
    """An arm's durations in the order they were taken, discarded ones too; columns (runs,)."""

    duration_ns: NDArray[np.int64]
    turn: NDArray[np.int32]  # of the launch; an arm has those of its group alone
    order: NDArray[np.int16]  # the arm's place in its turn
    kept: NDArray[np.uint8]  # 0: discarded
    cpu_ns: NDArray[np.int64]  # CPU time of all kept runs of the turn, at its last run; else 0


def latencies(
    arms: Mapping[str, Session],
    batches: Sequence[Inputs],
    random: np.random.Generator,
    turns: Turns,
    clocks: Clocks,
    beside: Mapping[str, str] | None = None,
) -> dict[str, Latencies]:
    """Time single runs: the arms of a group in random order every turn, on the same real samples.

    `beside` maps an arm to the one that it is compared with, which then is in each of its groups.
    Without it all arms share every turn.
    """
    with _no_garbage_collection():
        typical = {name: _warm_up(arm, batches[0], clocks.wall) for name, arm in arms.items()}
        kept = {name: _runs_a_turn(typical[name], turns.most_runs) for name in arms}
        turn_ns = {name: (turns.discarded + kept[name]) * typical[name] for name in arms}
        groups = grouped(turn_ns, beside or {}, random)
        counts = [_turns(sum(turn_ns[n] for n in group), len(group), turns) for group in groups]
        done = [0] * len(groups)
        taken: dict[str, list[tuple[int, ...]]] = {name: [] for name in arms}
        for turn, at in enumerate(_mixed(counts, random)):
            names, batch = groups[at], batches[done[at] % len(batches)]
            done[at] += 1
            for order, index in enumerate(random.permutation(len(names))):
                name = names[index]
                arms[name].bind(batch)
                for duration in _durations(arms[name], turns.discarded, clocks.wall):
                    taken[name].append((duration, turn, order, 0, 0))
                cpu = clocks.cpu()
                durations = _durations(arms[name], kept[name], clocks.wall)
                cpu = clocks.cpu() - cpu
                taken[name] += [(d, turn, order, 1, 0) for d in durations[:-1]]
                taken[name].append((durations[-1], turn, order, 1, cpu))
    return {name: _columns(rows) for name, rows in taken.items()}


def _turns(group_ns: float, arms: int, turns: Turns) -> int:
    """As many as fill the time that was asked for: 20 or more, unless that would take too long."""
    wanted = ceil(turns.seconds_per_arm * 1e9 * arms / group_ns)
    affordable = int(PATIENCE_NS * arms / group_ns)
    return min(MOST_TURNS, max(wanted, min(LEAST_TURNS, affordable), FEWEST_TURNS))


def _mixed(counts: Sequence[int], random: np.random.Generator) -> list[int]:
    """Which group each turn is of: every group's turns are spread over the whole launch."""
    places = np.concatenate([(np.arange(c) + random.random(c)) / c for c in counts])
    return np.repeat(np.arange(len(counts)), counts)[np.argsort(places, kind="stable")].tolist()


def throughputs(
    arms: Mapping[str, Session], batch: Inputs, random: np.random.Generator, clocks: Clocks
) -> dict[str, NDArray[np.float64]]:
    """Samples a second of back-to-back runs: `BLOCKS` blocks an arm, arms in random order."""
    clock = clocks.wall
    taken: dict[str, list[float]] = {name: [] for name in arms}
    names = list(arms)
    with _no_garbage_collection():
        for _ in range(BLOCKS):
            for index in random.permutation(len(names)):
                arm = arms[names[index]]
                arm.bind(batch)
                typical = median(_durations(arm, 5, clock))
                count = max(1, ceil(BLOCK_NS / max(typical, 1)))
                started = clock()
                for _ in range(count):
                    arm.run()
                elapsed_ns = clock() - started
                taken[names[index]].append(count * size(batch) * 1e9 / elapsed_ns)
    return {name: np.array(values) for name, values in taken.items()}


def _warm_up(arm: Session, batch: Inputs, clock: Callable[[], int]) -> float:
    """Run until blocks of runs agree; the median duration of the last ones, in ns."""
    arm.bind(batch)
    blocks: list[list[int]] = []
    runs, started = 0, clock()
    while runs < WARM_UP_RUNS or not _is_steady(blocks):
        if runs >= WARM_UP_RUNS and clock() - started >= WARM_UP_NS:
            break
        block = _durations(arm, 2, clock)
        taken_ns = sum(block)
        while taken_ns < WARM_UP_BLOCK_NS:
            block += _durations(arm, 1, clock)
            taken_ns += max(1, block[-1])
        blocks.append(block)
        runs += len(block)
    return max(1.0, median(duration for block in blocks[-STEADY_BLOCKS:] for duration in block))


def _is_steady(blocks: Sequence[Sequence[int]]) -> bool:
    """Whether the medians of the last blocks agree."""
    medians = [median(block) for block in blocks[-STEADY_BLOCKS:]]
    return len(medians) == STEADY_BLOCKS and max(medians) <= (1 + STEADY) * min(medians)


def _runs_a_turn(typical_ns: float, most: int) -> int:
    return min(most, max(LEAST_RUNS_A_TURN, ceil(TURN_NS / typical_ns)))


def _durations(arm: Session, count: int, clock: Callable[[], int]) -> list[int]:
    """The only timed region: one run between two readings of the clock."""
    run = arm.run
    durations = []
    for _ in range(count):
        before = clock()
        run()
        durations.append(clock() - before)
    return durations


def _columns(rows: list[tuple[int, ...]]) -> Latencies:
    duration, turn, order, kept, cpu = np.array(rows, np.int64).T
    places = turn.astype(np.int32), order.astype(np.int16), kept.astype(np.uint8)
    return Latencies(duration, *places, cpu)


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    gc.collect()
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
