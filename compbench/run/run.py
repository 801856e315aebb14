"""The one loop with side effects: make what is missing, evaluate, measure, write rows."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from compbench.data import cache, digest, samples, splits
from compbench.data.progress import told_on
from compbench.files import refuse_unwritable
from compbench.make.store import Store
from compbench.registry import import_path
from compbench.results import find, record, row
from compbench.results.folder import new_folder, write_companions
from compbench.results.record import Run
from compbench.run.progress import Progress
from compbench.run.stages import Work
from compbench.runtime import machine
from compbench.suite import plan
from compbench.suite.key import described_model, options
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
    stream = None if progress.is_quiet else sys.stderr
    with import_path.beside(suite.path), cache.fallback(folders.results), told_on(stream):
        return _run(suite, folders, progress)


def _run(suite: Suite, folders: Folders, progress: Progress) -> Outcome:
    refuse_unwritable(folders.results, "--results")
    refuse_unwritable(folders.reports, "--reports")
    if samples.fingerprint(suite.dataset, folders.data) is None:
        refuse_unwritable(folders.data, "--data-dir or COMPBENCH_DATA")
        progress.note(f"{suite.dataset_name} is not under {folders.data}: downloading it")
    store = Store(folders.results)
    with store.lock():
        loaded = splits.load(suite.dataset, folders.data, suite.task)
        dataset = digest.record(suite.dataset_name, loaded)
        content = samples.fingerprint(suite.dataset, folders.data)
        digest.remember(dataset, suite.dataset, content or "", folders.results)
        jobs = plan.plan(suite, dataset["digest"], folders.data)
        folder = _open(_describe(suite, jobs, dataset), folders.results, progress)
        write_companions(folder, {n: one.content for n, one in loaded.companions.items()})
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


def _describe(suite: Suite, jobs: tuple[Job, ...], dataset: dict[str, Any]) -> Run:
    return Run(
        suite=suite.name,
        suite_path=str(suite.path),
        is_fast=suite.is_fast,
        description=suite.description,
        dataset=dataset,
        task={
            "name": suite.task_name,
            "options": suite.task.model_dump(mode="json"),
            **suite.task.says(),
        },
        seeds=suite.seeds,
        baseline=suite.baseline,
        variants={
            v.name: {
                "technique": v.technique_name,
                **v.technique.says(),
                "parents": list(v.parents),
                "torch": v.is_torch,
                "model": described_model(v),
                "options": options(v),
            }
            for v in suite.variants.values()
        },
        targets={name: target.model_dump(mode="json") for name, target in suite.targets.items()},
        references={n: r.model_dump(mode="json") for n, r in suite.references.items()},
        measure=suite.measure.model_dump(mode="json"),
        pick=suite.pick.model_dump(mode="json"),
        gate=suite.gate.model_dump(mode="json"),
        int8_bits=row.INT8_BITS,
        keys=tuple(job.key for job in jobs),
        environment=machine.record(),
        started=_now(),
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
