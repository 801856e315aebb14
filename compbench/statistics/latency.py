"""Latency rows -> the times that count, and ratios launch by launch; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compbench.results.row import Row


class TurnLogs(NamedTuple):
    """The logarithm of an arm's median time in each turn of a launch that it was in."""

    turn: NDArray[np.int32]
    log_ns: NDArray[np.float64]

    def ratio(self, other: TurnLogs) -> float | None:
        """The median over the turns of both of log(time / other's); None where they share none."""
        _, ours, theirs = np.intersect1d(
            self.turn, other.turn, assume_unique=True, return_indices=True
        )
        return float(np.median(self.log_ns[ours] - other.log_ns[theirs])) if len(ours) else None


Beside = Mapping[tuple[int, int], TurnLogs]  # (seed, launch) -> the baseline's turns


@dataclass(frozen=True)
class Timing:
    """What all rows of one variant say, of all seeds together.

    `cpu_ns` is the CPU time of all threads for one inference: a mean, as its ticks may be coarse.
    """

    kept_by_launch: Mapping[int, NDArray[np.int64]]  # durations
    turns: Mapping[int, int]  # by launch
    spent_ns: Mapping[int, int]  # by launch, with what was discarded
    cpu_ns: float | None
    log_ratio: Mapping[int, float]  # to the baseline, by launch, the mean over seeds

    @property
    def log_ratios(self) -> tuple[float, ...]:
        """One a launch."""
        return tuple(self.log_ratio.values())

    @cached_property
    def kept_ns(self) -> NDArray[np.int64]:
        """Of all launches together."""
        return np.concatenate([*self.kept_by_launch.values(), np.empty(0, np.int64)])

    @property
    def p50_ns(self) -> float | None:
        """The median of all kept durations; None where there are none."""
        return float(np.median(self.kept_ns)) if len(self.kept_ns) else None


def turn_logs(rows: Sequence[Row]) -> dict[tuple[int, int], TurnLogs]:
    """The logarithms of the turns' medians, by seed and launch: what others are compared with."""
    return {(row.seed, row.launch): logs_of(row.samples) for row in rows}


def timings(rows: Sequence[Row], baseline: Beside) -> Timing:
    """`baseline` as `turn_logs` has it.

    A launch's ratio is the median over turns, so that drift hits both alike; over seeds the mean.
    """
    kept_ns: dict[int, list[NDArray[np.int64]]] = defaultdict(list)
    spent_ns: dict[int, int] = defaultdict(int)
    by_launch: dict[int, list[float]] = defaultdict(list)
    turns: dict[int, int] = defaultdict(int)
    cpu_ns = 0
    for row in rows:
        kept, logs, spent = _read(row.samples)
        kept_ns[row.launch].append(kept)
        spent_ns[row.launch] += spent
        turns[row.launch] += len(logs.turn)
        cpu_ns += int(row.samples["cpu_ns"].sum())
        beside = baseline.get((row.seed, row.launch))
        ratio = logs.ratio(beside) if beside is not None else None
        if ratio is not None:
            by_launch[row.launch].append(ratio)
    together = {launch: np.concatenate(durations) for launch, durations in kept_ns.items()}
    count = sum(map(len, together.values()))
    return Timing(
        together,
        dict(turns),
        dict(spent_ns),
        cpu_ns / count if count else None,
        {launch: float(np.mean(ratios)) for launch, ratios in by_launch.items()},
    )


def logs_of(samples: Mapping[str, NDArray]) -> TurnLogs:
    """Columns as `measure.Latencies` has them."""
    return _read(samples)[1]


def launch_log_ratio(samples: Mapping[str, NDArray], baseline: Mapping[str, NDArray]) -> float:
    """The median over turns of log(time / baseline's time in the same turn)."""
    ratio = logs_of(samples).ratio(logs_of(baseline))
    assert ratio is not None, "what is compared shares turns"
    return ratio


def _read(samples: Mapping[str, NDArray]) -> tuple[NDArray[np.int64], TurnLogs, int]:
    """Kept durations, their turns' medians, and the time of all runs; in ns.

    Each column is read once, as it may be decompressed then. Every turn has as many kept runs.
    """
    is_kept, duration_ns = samples["kept"] == 1, samples["duration_ns"]
    kept_ns, turns = duration_ns[is_kept], samples["turn"][is_kept]
    firsts = np.flatnonzero(np.diff(turns, prepend=-1))
    medians = np.median(kept_ns.reshape(len(firsts), -1), axis=1)
    return kept_ns, TurnLogs(turns[firsts], np.log(medians)), int(duration_ns.sum())
