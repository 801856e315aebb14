"""The base class of metrics: what one is, how it is taken, and what the tidy table gets of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compbench import units
from compbench.contracts.inputs import Inputs
from compbench.headline import Headline

Condition = Literal["machine", "target", "baseline", "dataset"]
Samples = Mapping[str, NDArray[Any]]  # columns of equal length
Estimate = float | units.Triple  # or with the ends of its interval

OF_METRIC = "the metric's"  # a unit: that of the task's headline metric
FURTHER = "further_metrics"  # the report's table of what has no place of its own


class Column(NamedTuple):
    """A column of the tidy table; the unit is empty where it has none.

    Where it `has_interval`, two more columns hold the ends at 95 %: `…_low` and `…_high`.
    """

    unit: str
    meaning: str
    has_interval: bool = False

    def of(self, headline: Headline) -> Column:
        """The same where it is of the task's metric: its unit, and its name for `{metric}`."""
        unit = headline.unit if self.unit == OF_METRIC else self.unit
        return self._replace(unit=unit, meaning=self.meaning.replace("{metric}", headline.label))


@dataclass(frozen=True)
class MetricHistory:
    """That a metric may be compared over runs, and how.

    Values of runs whose `needs` differ are told apart. With `by_headline` it is of the task's
    metric: its direction, and its label and name for `{metric}` and `{name}`. `name` is what the
    command line calls it, `column` the column that is read; both are the metric's own name where
    they are empty.
    """

    label: str = ""  # the title; empty: the metric's label
    needs: tuple[Condition, ...] = ()
    is_noisy: bool = (
        False  # the same file measured again gives another value: one run proves little
    )
    is_log: bool = False  # a ratio of times, whose noise is of its logarithm
    is_ratio: bool = True  # steps are relative, else differences
    write: Callable[[float], str] | None = None  # else by the column's unit
    by_headline: Callable[[Headline, float], str] | None = None  # of the task's metric: by that
    name: str = ""
    column: str = ""


@dataclass(frozen=True)
class Running:
    """A file in a fresh process, loaded into ONNX Runtime on a target, its first batch bound.

    `inputs` are the raw ones of the test split, by name. `run` is one inference of the bound batch;
    `outputs` runs any number of samples and returns what the file gives, float32 (N, …).
    """

    file: Path
    inputs: Inputs
    batch_size: int
    run: Callable[[], None]
    outputs: Callable[[Inputs], NDArray[np.float32]]


class Taken(NamedTuple):
    """What a row holds: a value, or samples, or both."""

    seed: int
    value: float | None
    samples: Samples


@dataclass(frozen=True)
class Measured:
    """All that was measured of one variant on one target, or of its files, by the row's metric."""

    rows: Mapping[str, Sequence[Taken]]

    def of(self, metric: str) -> Sequence[Taken]:
        """A row for each seed, launch and batch size; none where it was not measured."""
        return self.rows.get(metric, ())

    def mean(self, metric: str) -> float | None:
        """The mean over rows of their values, or of the medians of their column `value`."""
        found = [
            row.value if row.value is not None else float(np.median(row.samples["value"]))
            for row in self.of(metric)
            if row.value is not None or "value" in row.samples
        ]
        return float(np.mean(found)) if found else None


class MetricBase:
    """Base of a class `Metric`, alone in a file of `compbench/metrics` that has the metric's name.

    A metric is measured (`measure_file`, `measure_running`), or computed from the `rows` of others
    (`derive`), or given by tasks (`by_task`), or only describes what the measurement itself
    records (none of these). The first three are in the tidy table, in the report's further metrics
    and, with a `history`, in `compbench history` by this alone.
    """

    label: ClassVar[str]
    unit: ClassVar[str] = ""
    better: ClassVar[Literal["lower", "higher", "neither"]] = "neither"
    meaning: ClassVar[str]
    rows: ClassVar[tuple[str, ...]] = ()  # that it is computed from; none: its own
    columns: ClassVar[Mapping[str, Column] | None] = None  # None: one of its name; {}: not any
    order: ClassVar[int] = 1000  # of its columns in the tidy table, then by name
    table: ClassVar[str] = FURTHER  # the report's section that shows it; empty: not any
    history: ClassVar[MetricHistory | None] = None
    by_task: ClassVar[bool] = False  # a task's `further_scores` gives it, by this file's name

    @property
    def name(self) -> str:
        """The name of its file."""
        return type(self).__module__.rpartition(".")[2]

    @property
    def is_of_files(self) -> bool:
        """Whether it measures files, once for each."""
        return type(self).measure_file is not MetricBase.measure_file

    @property
    def is_of_targets(self) -> bool:
        """Whether it measures files on each target."""
        return type(self).measure_running is not MetricBase.measure_running

    @property
    def is_further(self) -> bool:
        """Whether it takes or computes its figures itself: nobody else knows them."""
        is_derived = type(self).derive is not MetricBase.derive
        return self.is_of_files or self.is_of_targets or is_derived or self.by_task

    @property
    def read(self) -> tuple[str, ...]:
        """The metrics whose rows `derive` sees."""
        return self.rows or (self.name,)

    @property
    def given(self) -> Mapping[str, Column]:
        """Its columns of the tidy table."""
        own = {self.name: Column(self.unit, self.meaning)}
        return own if self.columns is None else self.columns

    def measure_file(self, file: Path) -> float | Samples:
        """Measure an ONNX file in a fresh process: one value, or columns of raw samples.

        What it raises fails this one row, with its first line as the reason.
        """
        raise NotImplementedError

    def measure_running(self, running: Running) -> float | Samples:
        """The same of a file that runs on a target."""
        raise NotImplementedError

    def derive(self, here: Measured, baseline: Measured) -> Mapping[str, Estimate | None]:
        """Its columns' figures from the rows of a variant, and of the baseline, on one target.

        None is what these rows can't tell. By default the mean over seeds, as its own column.
        """
        return {self.name: here.mean(self.name)}

    def text(self, column: str, value: float) -> str:
        """A figure as people read it."""
        return written(value, self.given[column].unit)


def written(value: float, unit: str) -> str:
    """A figure with its unit, in three digits; a fraction as a share."""
    known: dict[str, Callable[[float], str]] = {
        "B": units.bytes_text,
        "ns": units.time_text,
        "fraction": lambda x: units.share(x, 2),
        "×": lambda x: f"{units.three_digits(x)}×",
    }
    return known.get(unit, lambda x: f"{units.three_digits(x)} {unit}".rstrip())(value)
