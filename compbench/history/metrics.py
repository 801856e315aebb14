"""The metrics that can be compared across moments, and what must be alike for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Literal

from compbench import units
from compbench.errors import UserError, nearest
from compbench.statistics.intervals import Interval
from compbench.statistics.summary import Summary
from compbench.table.columns import COLUMNS

Condition = Literal["machine", "target", "baseline", "dataset"]
_TIMES = ("latency", "throughput", "time", "p50", "p90", "p99")


@dataclass(frozen=True)
class Followed:
    """A metric over runs. Values of runs whose `needs` differ are told apart.

    `is_noisy`: measuring the same file again gives another value, so that one run is no evidence.
    """

    name: str
    label: str
    read: Callable[[Summary], Interval | float | None]
    write: Callable[[float], str]
    better: Literal[-1, 0, 1]  # the direction
    needs: tuple[Condition, ...] = ()
    is_noisy: bool = False
    is_log: bool = False  # a ratio of times, whose noise is of its logarithm
    is_ratio: bool = True  # steps are relative, else differences

    def size(self, before: float, after: float) -> float:
        """A step's size: a share of the value before, or the difference."""
        return after / before - 1 if self.is_ratio and before else after - before

    def size_text(self, before: float, after: float) -> str:
        """+5.1 %, −0.52 pp."""
        unit = "%" if self.is_ratio and before else "pp"
        return f"{units.signed(100 * self.size(before, after))} {unit}"


def _times(value: float) -> str:
    return f"{units.three_digits(value)}×"


def _points(value: float) -> str:
    return f"{units.signed(100 * value)} pp"


def _share(value: float) -> str:
    return units.share(value, 2)


def _size(name: str, label: str) -> Followed:
    return Followed(name, label, lambda s: getattr(s, name), units.bytes_text, -1)


def _count(name: str, label: str) -> Followed:
    return Followed(name, label, lambda s: getattr(s, name), units.count_text, -1)


def _right(name: str, label: str) -> Followed:
    """An accuracy, or a change of one."""
    is_change = name.endswith("change")
    needs: tuple[Condition, ...] = ("dataset", "baseline") if is_change else ("dataset",)
    write = _points if is_change else _share
    return Followed(name, label, lambda s: getattr(s, name), write, 1, needs, is_ratio=False)


METRICS: dict[str, Followed] = {
    one.name: one
    for one in (
        Followed(
            *("speedup", "speed-up over the baseline", lambda s: s.speedup, _times, 1),
            ("machine", "target", "baseline"),
            is_noisy=True,
            is_log=True,
        ),
        _right("accuracy", "test accuracy"),
        _right("change", "test accuracy minus the baseline's"),
        _right("validation_accuracy", "validation accuracy"),
        _right("validation_change", "validation accuracy minus the baseline's"),
        _right("parity_agreement", "share of test images with the class that was validated"),
        _size("size_bytes", "bytes of the file"),
        _size("packed_bytes", "bytes of the file, packed"),
        _size("coded_bytes", "bytes of the weights, entropy-coded"),
        _count("parameters", "parameters"),
        _count("nonzero_parameters", "parameters that are not zero"),
        _count("macs", "multiply-accumulates of an image"),
        Followed(
            *("memory", "resident memory at rest", lambda s: s.memory_bytes, units.bytes_text, -1),
            ("machine", "target"),
            is_noisy=True,
        ),
    )
}


def find(name: str) -> Followed:
    """A metric by its name. Raises UserError with the nearest, or why it can't be compared."""
    if name in METRICS:
        return METRICS[name]
    known = {*COLUMNS, *(field.name for field in fields(Summary)), *_TIMES}
    is_time = name.endswith(("_ns", "_seconds", "_per_s")) or "per_s" in name or name in _TIMES
    if is_time and (name in known or "per_s" in name):
        raise UserError(
            f"--metric: {name} is a time of its moment, and times of different moments can't be "
            "compared; take speedup, which each run measures side by side"
        )
    raise UserError(f"--metric: there is no history of '{name}'{nearest(name, METRICS)}")
