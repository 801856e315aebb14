"""One measured metric of one artifact on one target, with its raw samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

INT8_BITS = 7  # of int8 weights where `reduce_range` is not given


@dataclass(frozen=True)
class Row:
    """One measured metric of one artifact on one target, with its raw samples.

    What a metric is stands in the file of `compbench.metrics` that has its name. `target` is empty
    where it is a property of the artifact itself; `batch_size` and `launch` are 0 and -1 where they
    mean nothing. `samples` are columns of equal length. `shift`, as the suite names it, and its
    `severity` say what was done to the test samples: nothing where they are empty and 0.
    """

    variant: str
    seed: int
    key: str
    metric: str
    target: str = ""
    batch_size: int = 0
    launch: int = -1
    value: float | None = None
    samples: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    status: Literal["ok", "skipped", "failed"] = "ok"
    reason: str = ""
    shift: str = ""
    severity: int = 0


def net_of(row: Row) -> str:
    """What a row of the metric "file" tells of the net: the checksum of the file without metadata.

    Older files had none, so theirs is that of the whole file.
    """
    return str(row.samples.get("net_sha256", row.samples["sha256"])[0])
