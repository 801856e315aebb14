"""What is still to be done for a run, step by step: its folder tells what is done."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from compbench.contracts import Recipe
from compbench.measure import further_metrics
from compbench.results.folder import has_rows
from compbench.run.time_left import Step
from compbench.suite.plan import Job
from compbench.suite.read import Suite

DATASET = "dataset"  # the name of the rows that hold for all variants
FOOTPRINT = "footprint"  # the name of memory, start-up and operators, beside LoadGen's scenarios
METRIC = "metric-"  # before the name of a metric that measures files itself
# for the time left, until one was seen
_BEFORE_TURNS_S = 0.4  # an arm's warm-up and throughput in a launch
_EVALUATION_S = 0.5  # of an artifact on a target
_SHIFTED_S = 0.3  # of an artifact on shifted samples
_PROCESS_S = 0.4  # of a fresh process ...
_FORKED_S = 0.1  # ... and of a forked one


@dataclass(frozen=True)
class Weighing:
    """What is measured of an artifact alone on a target, which is empty where there is none."""

    job: Job
    target: str
    what: str
    expected_s: float

    @property
    def rows(self) -> str:
        """The name of its row file; no name in it has a dot."""
        return f"{self.what}.{self.target}.{self.job.variant.name}.{self.job.seed}"

    @property
    def step(self) -> Step:
        """As it is told."""
        what = self.what.removeprefix(METRIC)
        where = f" on {self.target}" if self.target else ""
        return Step("weigh", what, f"{what} of {self.job.label}{where}", self.expected_s)


@dataclass(frozen=True)
class Shifting:
    """The scores of all files on test samples that are shifted so, on the target that decides.

    Without a shift, at severity 0, they are the samples themselves: what others stand beside.
    """

    target: str
    shift: str
    severity: int
    expected_s: float

    @property
    def what(self) -> str:
        """As files are called by it; no shift has severity 0, so the clean one has no namesake."""
        return f"shift.{self.shift or 'clean'}.{self.severity}"

    @property
    def rows(self) -> str:
        """The name of its row file."""
        return f"{self.what}.{self.target}"

    @property
    def step(self) -> Step:
        """As it is told."""
        how = f"with {self.shift}, severity {self.severity}" if self.shift else "as they are"
        label = f"test samples {how} on {self.target}"
        return Step("shift", self.shift, label, self.expected_s)


@dataclass(frozen=True)
class Launch:
    """All arms of a target beside each other, for the `index`-th time."""

    target: str
    index: int
    step: Step

    @property
    def rows(self) -> str:
        """The name of its row file."""
        return f"launch-{self.target}-{self.index}"


@dataclass(frozen=True)
class Steps:
    """The steps of a suite's jobs, as far as the run's folder lacks their rows."""

    suite: Suite
    jobs: tuple[Job, ...]
    folder: Path
    skipped: Mapping[str, str]  # targets that this machine lacks

    def left(self, made: Collection[str]) -> list[Step]:
        """All of them; `made` are the keys of the artifacts that there are."""
        return [
            *(making(job) for job in self.missing(made)),
            *(self.evaluating(job) for job in self.jobs if not self.is_evaluated(job, made)),
            *(shifting.step for shifting in self.shiftings()),
            *(weighing.step for weighing in self.weighings()),
            *(launch.step for launch in self.launches()),
        ]

    def row_names(self) -> set[str]:
        """The names of all files of rows that this run can write."""
        found = {DATASET, *map(rows_name, self.jobs)}
        found |= {one.rows for name in self.suite.targets for one in self._shiftings(name)}
        return found | {one.rows for one in (*self._weighings(), *self._launches())}

    def missing(self, made: Collection[str]) -> list[Job]:
        """The jobs without an artifact."""
        return [job for job in self.jobs if job.key not in made]

    def is_evaluated(self, job: Job, made: Collection[str]) -> bool:
        """Whether a job's own rows are there, of the artifact that is."""
        return job.key in made and has_rows(self.folder, rows_name(job))

    def evaluating(self, job: Job) -> Step:
        """The step that writes a job's own rows."""
        seconds = _EVALUATION_S * len(self.suite.targets)
        return Step("evaluate", job.variant.name, f"evaluate {job.label}", seconds)

    def shiftings(self) -> list[Shifting]:
        """On which shifted samples all files are still to be run; none without a target."""
        there = [name for name in self.suite.targets if name not in self.skipped]
        decides = self.suite.pick.target
        target = decides if decides in there else next(iter(there), None)
        if target is None:
            return []
        return [one for one in self._shiftings(target) if not has_rows(self.folder, one.rows)]

    def _shiftings(self, target: str) -> Iterator[Shifting]:
        if not self.suite.shifts:
            return
        seconds = _PROCESS_S + _SHIFTED_S * len(self.jobs)
        yield Shifting(target, "", 0, seconds)
        for name, one in self.suite.shifts.items():
            for severity in one.shift.severities:
                yield Shifting(target, name, severity, seconds)

    def weighings(self) -> list[Weighing]:
        """What is still to be measured of artifacts alone."""
        return [one for one in self._weighings() if not has_rows(self.folder, one.rows)]

    def _weighings(self) -> Iterator[Weighing]:
        for metric in further_metrics.of_files():
            for job in self.jobs:
                yield Weighing(job, "", METRIC + metric, _PROCESS_S)
        for name, target in self.suite.targets.items():
            if name in self.skipped:
                continue
            seconds = {FOOTPRINT: _FORKED_S * (self.suite.measure.memory_processes + 1)}
            seconds |= {METRIC + metric: _PROCESS_S for metric in further_metrics.of_targets()}
            seconds |= dict.fromkeys(target.loadgen.scenarios, target.loadgen.seconds + 1)
            for what, expected_s in seconds.items():
                for job in self.jobs:
                    yield Weighing(job, name, what, expected_s)

    def launches(self) -> list[Launch]:
        """What is still to be timed."""
        return [one for one in self._launches() if not has_rows(self.folder, one.rows)]

    def _launches(self) -> Iterator[Launch]:
        measure = self.suite.measure
        seconds = len(self.jobs) * (measure.seconds_per_arm + _BEFORE_TURNS_S)
        for name in self.suite.targets:
            if name in self.skipped:
                continue
            for index in range(measure.launches):
                what = f"time {name}, launch {index + 1}/{measure.launches}"
                yield Launch(name, index, Step("time", name, what, seconds))


def making(job: Job) -> Step:
    """The step that makes a job's artifact."""
    technique = job.variant.technique
    epochs = technique.epochs if isinstance(technique, Recipe) else 0
    label = f"make {job.label}"
    return Step("train" if epochs else "make", job.variant.name, label, amount=epochs or 1)


def rows_name(job: Job) -> str:
    """The name of the file with a job's own rows."""
    return f"artifact-{job.variant.name}-{job.seed}"
