"""Which variants no other beats in accuracy, speed and bytes, as far as one can tell; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compbench.statistics.summary import Summary


@dataclass(frozen=True)
class _Criterion:
    """A figure of each variant, more is better, with the ends of its interval; (variants,)."""

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]

    def at_least(self) -> NDArray[np.bool_]:
        """[i, j]: i's figure is at least j's."""
        return self.value[:, None] >= self.value[None, :]

    def better(self) -> NDArray[np.bool_]:
        """[i, j]: i's whole interval is above j's."""
        return self.low[:, None] > self.high[None, :]


def beaten(summaries: Sequence[Summary]) -> dict[str, str]:
    """Variant -> the fastest that beats it; the measured variants that are absent are the front.

    One beats another where it is at least as accurate, as fast and as small by the estimates, and
    in one of the three measurably better: its interval lies wholly beyond the other's. So a lead
    that chance could explain throws nobody off the front. It is a strict partial order, hence the
    front is never empty.
    """
    measured = [s for s in summaries if is_comparable(s)]
    if not measured:
        return {}
    criteria = _criteria(measured)
    at_least = np.logical_and.reduce([c.at_least() for c in criteria])
    better = np.logical_or.reduce([c.better() for c in criteria])
    beats = at_least & better
    speed = criteria[1].value
    return {
        measured[j].variant: measured[
            max(np.flatnonzero(beats[:, j]), key=lambda i: speed[i])
        ].variant
        for j in np.flatnonzero(beats.any(axis=0))
    }


def is_comparable(s: Summary) -> bool:
    """Whether accuracy, speed and bytes were all measured."""
    return s.change is not None and s.speedup is not None and s.size_bytes is not None


def _criteria(measured: Sequence[Summary]) -> list[_Criterion]:
    changes = np.array([s.change for s in measured], float).T
    speedups = np.array([s.speedup for s in measured], float).T
    smaller = -np.array([s.size_bytes for s in measured], float)
    return [_Criterion(*changes), _Criterion(*speedups), _Criterion(smaller, smaller, smaller)]
