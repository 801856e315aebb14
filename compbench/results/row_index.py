"""A run's rows by variant, metric and target."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.results.row import Row


class Rows:
    """The rows of a run, found by variant, target and metric."""

    def __init__(self, rows: Iterable[Row]):
        self._found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        for row in rows:
            self._found[row.variant, row.target, row.metric].append(row)

    def of(self, variant: str, metric: str, target: str = "") -> list[Row]:
        """All rows of a metric, over seeds, launches and batch sizes."""
        return self._found.get((variant, target, metric), [])

    def first(self, variant: str, metric: str, target: str = "") -> Mapping[str, NDArray[Any]]:
        """The samples of a metric's first row; none where there is no row."""
        found = self.of(variant, metric, target)
        return found[0].samples if found else {}

    def mean(self, variant: str, metric: str, target: str = "") -> float | None:
        """The mean of a metric's values, usually over seeds."""
        values = [row.value for row in self.of(variant, metric, target) if row.value is not None]
        return float(np.mean(values)) if values else None
