"""Latency rows -> the times that count, their percentiles, and ratios launch by launch; pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from compbench.results.row import Row


@dataclass(frozen=True)
class Timing:
    """One variant's kept durations, and a log-ratio to the baseline for each launch.

    `cpu_ns` is the CPU time of all threads for one inference: a mean, as its ticks may be coarse.
    """

    kept_ns: NDArray[np.int64]
    cpu_ns: float | None
    by_launch: Mapping[int, float]

    @property
    def log_ratios(self) -> tuple[float, ...]:
        """The log-ratios alone."""
        return tuple(self.by_launch.values())

    def percentile(self, share: float) -> float | None:
        """The quantile of all kept durations; None where there are none."""
        return float(np.quantile(self.kept_ns, share)) if len(self.kept_ns) else None


def turn_logs(rows: Sequence[Row]) -> dict[tuple[int, int], NDArray[np.float64]]:
    """The logarithms of the turns' medians, by seed and launch: what others are compared with."""
    return {(row.seed, row.launch): np.log(turn_medians(row.samples)) for row in rows}


def timings(rows: Sequence[Row], baseline: Mapping[tuple[int, int], NDArray[np.float64]]) -> Timing:
    """`baseline` as `turn_logs` has it.

    A launch's ratio is the median over turns, so that drift hits both alike; over seeds the mean.
    """
    kept_ns: list[NDArray[np.int64]] = []
    by_launch: dict[int, list[float]] = defaultdict(list)
    cpu_ns = 0
    for row in rows:
        samples = row.samples
        is_kept = samples["kept"] == 1
        durations_ns = samples["duration_ns"][is_kept]
        kept_ns.append(durations_ns)
        cpu_ns += int(samples["cpu_ns"].sum())
        beside = baseline.get((row.seed, row.launch))
        if beside is not None:
            medians = turn_medians_of(durations_ns, samples["turn"][is_kept])
            by_launch[row.launch].append(float(np.median(np.log(medians) - beside)))
    together = np.concatenate(kept_ns) if kept_ns else np.empty(0, np.int64)
    return Timing(
        together,
        cpu_ns / len(together) if len(together) else None,
        {launch: float(np.mean(ratios)) for launch, ratios in by_launch.items()},
    )


# the fewest samples that support a percentile at 99 % confidence within half its tail, by the
# binomial early-stopping rule of MLPerf: that is 662 for p99
_PERCENTILES = {"p90": (0.90, 64), "p99": (0.99, 662)}


def percentile(durations_ns: NDArray[np.int64], name: Literal["p90", "p99"]) -> float | None:
    """A percentile in ns, or None where there are too few samples to support it."""
    share, least = _PERCENTILES[name]
    return float(np.quantile(durations_ns, share)) if len(durations_ns) >= least else None


def turn_medians(samples: Mapping[str, NDArray]) -> NDArray[np.float64]:
    """The median kept duration of each turn, in ns; columns as `measure.Latencies` has them."""
    kept = samples["kept"] == 1
    return turn_medians_of(samples["duration_ns"][kept], samples["turn"][kept])


def turn_medians_of(kept_ns: NDArray[np.int64], turns: NDArray[np.int32]) -> NDArray[np.float64]:
    """The same of kept durations alone; every turn has as many of them."""
    return np.median(kept_ns.reshape(int(turns[-1]) + 1, -1), axis=1)


def launch_log_ratio(samples: Mapping[str, NDArray], baseline: Mapping[str, NDArray]) -> float:
    """The median over turns of log(time / baseline's time in the same turn)."""
    return float(np.median(np.log(turn_medians(samples) / turn_medians(baseline))))
