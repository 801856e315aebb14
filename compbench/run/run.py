"""The one loop with side effects: make what is missing, evaluate, measure, write rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from compbench.contracts import describe_model
from compbench.data import digest as data_digest
from compbench.data.splits import Data, load
from compbench.files import refuse_unwritable
from compbench.make.store import Store
from compbench.results import find, record
from compbench.results.folder import new_folder
from compbench.results.record import Run
from compbench.run.progress import Progress
from compbench.run.stages import Work
from compbench.runtime import machine
from compbench.suite import plan
from compbench.suite.plan import Job
from compbench.suite.read import Suite


@dataclass(frozen=True)
class Folders:
    """Where things are: artifacts and runs, reports, datasets."""

    results: Path
    reports: Path
    data: Path


@dataclass(frozen=True)
class Outcome:
    """A finished run's folder, and what failed in it, a line each."""

    folder: Path
    failures: tuple[str, ...]


def run(suite: Suite, folders: Folders, progress: Progress) -> Outcome:
    """Run a suite, or go on with it where it was stopped.

    Artifacts in the store are used, not made again. Measuring begins anew, unless the last run of
    the same jobs on the same machine was stopped before its end: then it goes on.
    """
    refuse_unwritable(folders.results, "--results")
    refuse_unwritable(folders.reports, "--reports")
    loaded = None
    digest = data_digest.digest(suite.dataset, folders.data)
    if digest is None:
        refuse_unwritable(folders.data, "--data-dir or COMPBENCH_DATA")
        progress.note(f"{suite.dataset_name} is not under {folders.data}: downloading it")
        loaded = load(suite.dataset, folders.data)
        digest = data_digest.digest(suite.dataset, folders.data)
        assert digest is not None
    store = Store(folders.results)
    with store.lock():
        jobs = plan.plan(suite, digest)
        loaded = loaded or load(suite.dataset, folders.data)
        folder = _open(_describe(suite, jobs, loaded, digest), folders.results, progress)
        work = Work(suite, jobs, loaded, store, folder, progress)
        work.run()
        finished = record.read_run(folder).model_copy(update={"finished": _now()})
        record.write_run(folder, finished)
    return Outcome(folder, tuple(work.failures))


def _open(new: Run, folder: Path, progress: Progress) -> Path:
    """The last run where it was stopped and asks the same of the same machine, else a new one.

    Samples of different machines never meet in one run: a ratio of theirs would mean nothing.
    """
    last = find.latest_run(folder, new.suite)
    if last is not None:
        old = record.read_run(last)
        same = {"environment": new.environment, "started": new.started}
        if old.model_copy(update=same) == new:
            differences = machine.differences(old.environment, new.environment)
            if not differences:
                return last
            progress.note(f"not going on with {last}, which is of another machine: {differences}")
    path = new_folder(folder, new.suite, new.started)
    record.write_run(path, new)
    return path


def _describe(suite: Suite, jobs: tuple[Job, ...], loaded: Data, digest: str) -> Run:
    splits = {"train": loaded.training.train, "validation": loaded.training.validation}
    return Run(
        suite=suite.name,
        suite_path=str(suite.path),
        is_fast=suite.is_fast,
        description=suite.description,
        dataset={
            "name": suite.dataset_name,
            "digest": digest,
            "shape": list(loaded.training.shape),
            "mean": loaded.mean,
            "std": loaded.std,
            "samples": {n: len(s) for n, s in {**splits, "test": loaded.test}.items()},
        },
        seeds=suite.seeds,
        baseline=suite.baseline,
        variants={
            v.name: {
                "technique": v.technique_name,
                "parents": list(v.parents),
                "torch": v.is_torch,
                "model": describe_model(v.root_model),
                "options": plan.options(v),
            }
            for v in suite.variants.values()
        },
        targets={name: target.model_dump(mode="json") for name, target in suite.targets.items()},
        references={n: r.model_dump(mode="json") for n, r in suite.references.items()},
        measure=suite.measure.model_dump(mode="json"),
        pick=suite.pick.model_dump(mode="json"),
        gate=suite.gate.model_dump(mode="json"),
        keys=tuple(job.key for job in jobs),
        environment=machine.record(),
        started=_now(),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
