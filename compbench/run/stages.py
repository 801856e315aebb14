"""The stages of a run: make, evaluate, weigh, time. Each step writes its rows when it is done."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from compbench.data.splits import Data
from compbench.errors import JobFailed, UserError
from compbench.failure_boundary import boundary
from compbench.make import rewrite
from compbench.make.known_sizes import KnownSizes
from compbench.make.store import LOGITS, MODEL, Artifact, Store
from compbench.measure import evaluate, example_images, footprint, further_metrics, launch
from compbench.measure.rows import (
    CONTROL,
    artifact_rows,
    failed_row,
    footprint_rows,
    launch_rows,
    scenario_row,
    skipped_row,
)
from compbench.measure.shifted import Condition, Shifted
from compbench.measure.turns import Turns
from compbench.results.folder import (
    drop_rows,
    examine,
    has_rows,
    read_rows_of,
    remove_leftovers,
    row_files,
    rows_path,
    write_rows,
)
from compbench.results.record import Run
from compbench.results.row import Row
from compbench.run.maker import Maker
from compbench.run.progress import Progress, Tell
from compbench.run.steps import DATASET, FOOTPRINT, METRIC, Shifting, Steps, making, rows_name
from compbench.run.time_left import Step
from compbench.runtime.child import Start, spawned
from compbench.runtime.fork_server import ForkServer
from compbench.runtime.process import Worker
from compbench.runtime.target import Target, provider_of
from compbench.suite.plan import Job
from compbench.suite.read import Suite


@dataclass
class Work:
    """What is done and what is still to be done for a run; its folder is the memory."""

    suite: Suite
    jobs: tuple[Job, ...]
    data: Data
    store: Store
    folder: Path
    record: Run  # what is written there of it
    progress: Progress
    artifacts: dict[str, Artifact] = field(default_factory=dict)  # by key
    failures: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)  # target -> what this machine lacks
    unfit: set[tuple[str, str]] = field(default_factory=set)  # key and target that failed there
    worker: Worker = field(init=False)  # the process in which files are run while nothing is timed
    maker: Maker = field(init=False)
    sizes: KnownSizes = field(init=False)
    steps: Steps = field(init=False)
    forks: ForkServer = field(init=False)

    def __post_init__(self) -> None:
        silent_s = self.suite.measure.process_seconds
        self.worker = Worker(rewrite.arrays(self.data), silent_s)
        self.maker = Maker(self.suite, self.data, self.store, self.worker, self.progress)
        self.forks = ForkServer(footprint.MODULES, self.progress.note)
        self.sizes = KnownSizes(self.store.root.parent)
        self.steps = Steps(self.suite, self.jobs, self.folder, self.skipped)
        for job in self.jobs:
            found = self.store.find(job.key)
            if found:
                self.artifacts[job.key] = found
        for row in self._rows_so_far():
            is_unmade = row.metric == "status" and not row.target and row.key not in self.artifacts
            if row.status == "failed" and not is_unmade:
                self._remember(row)  # it stands for as long as this run: a new one tries again
        for name, target in self.suite.targets.items():
            reason = target.unavailable()
            if reason:
                self.skipped[name] = reason
                self.progress.note(f"skipped {name}: {reason}")

    def _rows_so_far(self) -> list[Row]:
        """Those of before a stop; what is damaged is dropped, and so measured again."""
        remove_leftovers(self.folder)
        known = self.steps.row_names()
        for name in row_files(self.folder):
            if name not in known:
                path = rows_path(self.folder, name)
                raise UserError(f"{path} is none that this run writes: remove it")
        found = examine(self.folder, self.record)
        for name, problem in found.problems.items():
            self.progress.note(f"{problem}: it is measured again")
            drop_rows(self.folder, name)
        return found.rows

    def run(self) -> None:
        """Everything that is missing, in order."""
        with self.progress.plan(self.left()):
            with closing(self.worker):
                self.make()
                self.evaluate()
            self.shift()
            with self.forks:
                self.weigh()
            self.time()

    def drop_changed(self) -> list[str]:
        """What is wrong with artifacts that were whole at the start; their rows are dropped."""
        found = {key: self.store.problem(key) for key in self.artifacts}
        problems = {key: problem for key, problem in found.items() if problem}
        for name in row_files(self.folder) if problems else ():
            if any(row.key in problems for row in read_rows_of(self.folder, name)):
                drop_rows(self.folder, name)
        return [*problems.values()]

    def left(self) -> list[Step]:
        """All that is still to be done."""
        return self.steps.left(self.artifacts)

    def make(self) -> None:
        """Make every artifact that the store lacks; a child of a failed parent fails with it."""
        failed: set[str] = set()
        missing = self.steps.missing(self.artifacts)
        self.maker.tell_misfits(missing, partial(self._error_file, "make"))
        for job in missing:
            if job.key in self.artifacts or job.key in failed:  # by a variant of equal options
                continue
            drop_rows(self.folder, rows_name(job))  # it may have failed before the stop
            path = self._error_file("make", job)
            path.unlink(missing_ok=True)
            with self.progress.step(making(job)) as tell:
                try:
                    with boundary(lambda _, path=path: path):
                        made = self.maker.made(job, self.artifacts, tell)
                    self.artifacts[job.key] = self.store.put(*made)
                except JobFailed as error:
                    failed.add(job.key)
                    for twin in self._twins(job):
                        rows = [self._failed(tell, twin, str(error))]
                        write_rows(self.folder, rows_name(twin), rows)

    def evaluate(self) -> None:
        """Write each artifact's own rows, and its scores and parity on each target."""
        seen = evaluate.Seen(self.data, self._examples(), evaluate.Inferences(self.worker))
        for job in self.jobs:
            artifact = self.artifacts.get(job.key)
            if artifact is None or self.steps.is_evaluated(job, self.artifacts):
                continue
            with self.progress.step(self.steps.evaluating(job)) as tell:
                rows = self._evaluated_rows(tell, job, artifact, seen)
            write_rows(self.folder, rows_name(job), rows)

    def shift(self) -> None:
        """Write the scores of all files on shifted test samples, one copy of these at a time."""
        shifted = Shifted(self.data, self.suite.measure.process_seconds)
        for one in self.steps.shiftings():
            with self.progress.step(one.step) as tell:
                rows = self._shifted_rows(tell, one, shifted)
            write_rows(self.folder, one.rows, rows)

    def weigh(self) -> None:
        """What is measured of each artifact alone, in fresh processes: memory, operators, load."""
        for one in self.steps.weighings():
            if not self._fit(one.job, one.target):
                continue
            with self.progress.step(one.step) as tell:
                rows = self._weighed_rows(tell, one.job, one.target, one.what)
            write_rows(self.folder, one.rows, rows)

    def time(self) -> None:
        """Launch by launch, all arms of a target beside each other in a fresh process."""
        for one in self.steps.launches():
            if not self._arms(one.target):
                continue  # the baseline failed there, as its row says: nothing to compare with
            with self.progress.step(one.step) as tell:
                rows = self._launched_rows(tell, one.target, one.index)
            write_rows(self.folder, one.rows, rows)

    def _evaluated_rows(
        self, tell: Tell, job: Job, artifact: Artifact, seen: evaluate.Seen
    ) -> list[Row]:
        def failed(reason: str, name: str = "") -> list[Row]:
            return [self._failed(tell, job, reason, name)]

        def measured() -> list[Row]:
            return artifact_rows(job, artifact, self.worker, self.sizes)

        parent = self.artifacts.get(job.parent_keys[0]) if job.parent_keys else None
        rows = self._attempt(measured, failed, self._error_file("evaluate", job))
        if (job.key, "") in self.unfit:
            return rows
        for name, target in self.suite.targets.items():
            if name in self.skipped:
                rows.append(skipped_row(job, self.skipped[name], name))
                continue
            found = self._attempt(
                partial(evaluate.target_rows, job, artifact, parent, seen, name, target),
                partial(failed, name=name),
                self._error_file("evaluate", job, name),
            )
            for row in found:
                if row.status == "failed" and row.metric != "status":
                    self._tell_failed(tell, row)
            rows += found
        return rows

    def _shifted_rows(self, tell: Tell, one: Shifting, shifted: Shifted) -> list[Row]:
        """A row for each job whose file works there; where there are no such samples, one alone."""
        found = self.suite.shifts.get(one.shift)
        condition = Condition(one.shift, one.severity, one.target, self.suite.targets[one.target])
        fit = [job for job in self.jobs if self._fit(job, one.target)]
        rows: list[Row] = []

        def failed(job: Job | None, reason: str) -> list[Row]:
            return self._tell_failed(tell, condition.failed(job, reason))

        def measured() -> list[Row]:
            with shifted.samples(found and found.shift, one.severity) as inferences:
                for number, job in enumerate(fit):
                    tell(f"{job.label}", number / len(fit))
                    beside = self._beside(job)
                    rows.extend(
                        self._attempt(
                            partial(
                                shifted.rows, condition, job, beside, inferences, self.artifacts
                            ),
                            partial(failed, job),
                            self._error_file(one.what, job, one.target),
                        )
                    )
            return rows

        path = self.folder / f"error-{one.what}.{one.target}.txt"
        return self._attempt(measured, partial(failed, None), path)

    def _beside(self, job: Job) -> Job | None:
        """Whom its answers are compared with, at its seed."""
        name = self.record.reference(job.variant.name)
        same = (x for x in self.jobs if x.variant.name == name and x.seed == job.seed)
        return next(same, None)

    def _weighed_rows(self, tell: Tell, job: Job, name: str, what: str) -> list[Row]:
        if what.startswith(METRIC):
            return self._further_rows(tell, job, name, what)
        artifact, target = self.artifacts[job.key], self.suite.targets[name]
        given = (job, artifact, self.data.measured, name, target)
        silent_s = self.suite.measure.process_seconds
        path = self._error_file(what, job, name)
        if what != FOOTPRINT:
            return self._attempt(
                lambda: [scenario_row(*given, what, silent_s)],
                lambda reason: self._tell_failed(
                    tell, evaluate.failed_scenario_row(job, name, what, reason)
                ),
                path,
            )
        processes = self.suite.measure.memory_processes
        return self._attempt(
            lambda: footprint_rows(*given, processes, silent_s, self._start(target)),
            lambda reason: [self._failed(tell, twin, reason, name) for twin in self._twins(job)],
            path,
        )

    def _start(self, target: Target) -> Start:
        """How its processes start; a device's driver may not stand to be forked."""
        is_cpu = provider_of(target.provider).device == "cpu"
        return self.forks.start if is_cpu else spawned

    def _further_rows(self, tell: Tell, job: Job, name: str, what: str) -> list[Row]:
        """What a metric measures itself; where it fails the artifact's other figures stand."""
        target, artifact = self.suite.targets.get(name), self.artifacts[job.key]
        given = (
            job,
            artifact,
            self.data.measured,
            what.removeprefix(METRIC),
            name,
            target,
        )

        def failed(reason: str) -> list[Row]:
            row = further_metrics.failed_further_row(job, what.removeprefix(METRIC), name, reason)
            return self._tell_failed(tell, row)

        return self._attempt(
            lambda: [further_metrics.further_row(*given, self.suite.measure.process_seconds)],
            failed,
            self._error_file(what, job, name),
        )

    def _launched_rows(self, tell: Tell, name: str, index: int) -> list[Row]:
        """The rows of a launch; it is launched again without an arm that ended it."""
        inputs, silent_s = self.data.measured, self.suite.measure.process_seconds
        lost: list[Row] = []
        while arms := self._arms(name):
            turns = Turns(self.suite.measure.seconds_per_arm)
            files = {arm: str(self.artifacts[job.key].path(MODEL)) for arm, job in arms.items()}
            beside = {arm: f"{self.suite.baseline}/{job.seed}" for arm, job in arms.items()}
            spec = launch.Spec(files, self.suite.targets[name], turns, seed=index, beside=beside)

            def place(error: JobFailed, arms: dict[str, Job] = arms) -> Path:
                job = arms.get(getattr(error, "at", ""), arms[CONTROL])
                return self._error_file("time", job, name)

            try:
                with boundary(place):
                    taken = launch.launch(spec, inputs, silent_s)
                    return lost + launch_rows(arms, taken, name, spec.target, index)
            except JobFailed as error:
                culprits = {getattr(error, "at", ""): str(error)}
                if culprits.keys() - arms.keys():  # nobody was at work
                    culprits = launch.culprits(spec, inputs, silent_s)
                if not culprits or len(culprits) == len(arms):  # no arm's fault
                    control = arms[CONTROL]
                    return [*lost, self._failed(tell, control, str(error), name, index)]
                lost += self._lost(tell, name, index, {arms[a].key: r for a, r in culprits.items()})
        return lost

    def _lost(self, tell: Tell, name: str, index: int, reasons: dict[str, str]) -> list[Row]:
        """The failed rows of the artifacts (by key) that ended a launch, of all their jobs."""
        rows = [
            self._failed(tell, job, f"in launch {index + 1}: {reasons[job.key]}", name)
            for job in self.jobs
            if job.key in reasons
        ]
        if self._arms(name):
            return rows
        tell(f"FAILED: {self.suite.baseline} does not run on {name}, so nothing is timed there")
        return [
            replace(row, reason=f"{row.reason}; without the baseline nothing is timed on {name}")
            if row.variant == self.suite.baseline
            else row
            for row in rows
        ]

    def _attempt(
        self, work: Callable[[], list[Row]], failed: Callable[[str], list[Row]], path: Path
    ) -> list[Row]:
        """The rows of some work, or those that say why it failed; the rest is in a file."""
        try:
            with boundary(lambda _: path):
                return work()
        except JobFailed as error:
            return failed(str(error))

    def _error_file(self, stage: str, job: Job, target: str = "") -> Path:
        where = f".{target}" if target else ""  # no name has a dot, so no two files have one
        return self.folder / f"error-{stage}-{job.variant.name}-{job.seed}{where}.txt"

    def _examples(self) -> tuple[int, ...]:
        """The places of the test samples to show, chosen when the run first comes here."""
        if not has_rows(self.folder, DATASET):
            baseline = next(job for job in self.jobs if job.variant.name == self.suite.baseline)
            artifact = self.artifacts.get(baseline.key)
            known = artifact is not None and LOGITS in artifact.manifest.files
            logits = np.load(artifact.path(LOGITS)) if artifact and known else None
            write_rows(self.folder, DATASET, example_images.dataset_rows(self.data, logits))
        return example_images.places(read_rows_of(self.folder, DATASET))

    def _failed(self, tell: Tell, job: Job, reason: str, target: str = "", launch: int = -1) -> Row:
        (row,) = self._tell_failed(tell, failed_row(job, reason, target, launch))
        return row

    def _tell_failed(self, tell: Tell, row: Row) -> list[Row]:
        """The one row, of a failure, that is told and remembered."""
        tell(f"FAILED: {row.reason}")
        self._remember(row)
        return [row]

    def _twins(self, job: Job) -> list[Job]:
        """All jobs of the same artifact: of variants with equal options."""
        return [other for other in self.jobs if other.key == job.key]

    def _remember(self, row: Row) -> None:
        if row.launch < 0 and row.metric == "status":
            self.unfit.add((row.key, row.target))
        where = f" on {row.target}" if row.target else ""
        which = (
            f"launch {row.launch + 1}" if row.launch >= 0 else f"{row.variant} (seed {row.seed})"
        )
        if not row.variant:
            which = "all variants"
        what = "" if row.metric == "status" else f"{row.metric}: "
        if row.shift:
            what = f"{row.shift} at severity {row.severity}: "
        self.failures.append(f"{which}{where}: {what}{row.reason}")

    def _fit(self, job: Job, target: str) -> bool:
        """Whether an artifact is there, and works on a target as far as one knows."""
        there = job.key in self.artifacts and target not in self.skipped
        return there and not {(job.key, ""), (job.key, target)} & self.unfit

    def _arms(self, target: str) -> dict[str, Job]:
        """The arms of a launch: all artifacts that work there, the baseline's twice."""
        fit = [job for job in self.jobs if self._fit(job, target)]
        arms = {f"{job.variant.name}/{job.seed}": job for job in fit}
        for job in fit:
            if job.variant.name == self.suite.baseline:
                return {**arms, CONTROL: job}
        return {}
