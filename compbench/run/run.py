"""The one loop with side effects: make what is missing, evaluate, measure, write rows."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from compbench.data import cache, digest, samples, splits
from compbench.data.progress import told_on
from compbench.errors import UserError
from compbench.files import is_another, refuse_no_temporary, refuse_unwritable, way
from compbench.make.store import Store
from compbench.own_folder import OwnFolder
from compbench.registry import import_path
from compbench.results import find, record, row
from compbench.results.folder import examine, new_folder, row_files, write_companions
from compbench.results.record import Run
from compbench.run.progress import Progress
from compbench.run.stages import Work
from compbench.runtime import machine, temporary
from compbench.suite import plan
from compbench.suite.key import described_model, options
from compbench.suite.plan import Job
from compbench.suite.read import Suite
from compbench.suite.shifts import refuse_misfits

# what a suite file says of a run beside what is measured
_SAID = ("suite_path", "suite_from_results", "description", "references", "pick", "gate")


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
    refuse_no_temporary()
    refuse_unwritable(folders.results, "--results")
    refuse_unwritable(folders.reports, "--reports")
    OwnFolder(folders.reports / suite.name, "report", suite.path).refuse_namesake()
    if samples.fingerprint(suite.dataset, folders.data) is None:
        refuse_unwritable(folders.data, "--data-dir or COMPBENCH_DATA")
        progress.note(f"{suite.dataset_name} is not under {folders.data}: downloading it")
    store = Store(folders.results)
    with store.lock():
        temporary.remove_leftovers()
        loaded = splits.load(suite.dataset, folders.data, suite.task)
        refuse_misfits(suite.path, suite.shifts, loaded.signature.inputs)
        dataset = digest.record(suite.dataset_name, loaded)
        content = samples.fingerprint(suite.dataset, folders.data)
        digest.remember(dataset, suite.dataset, suite.task, content or "", folders.results)
        jobs = plan.plan(suite, dataset["digest"], folders.data)
        described = _describe(suite, jobs, dataset, folders.results)
        folder, asked = _open(described, folders.results, progress)
        write_companions(folder, {n: one.content for n, one in loaded.companions.items()})
        work = Work(suite, jobs, loaded, store, folder, asked, progress)
        _carry_out(work, folder)
        ended = {"finished": _now(), "files": row_files(folder), "is_reported": False}
        record.write_run(folder, asked.model_copy(update=ended))
    failures = [*work.failures]
    if work.skipped.keys() >= suite.targets.keys():
        why = "; ".join(f"{name}: {reason}" for name, reason in work.skipped.items())
        failures.append(f"no target could be measured: {why}")
    return Outcome(folder, tuple(failures))


def _carry_out(work: Work, folder: Path) -> None:
    """Raises UserError where somebody took away or changed what it works with."""
    lost = None
    try:
        work.run()
    except FileNotFoundError as error:
        lost = error
    for place in (folder, work.store.root):
        if not place.is_dir():
            raise UserError(f"{place} was removed while the run used it: run it again") from lost
    if lost:
        raise lost
    changed = work.drop_changed()
    if changed:
        raise UserError(
            f"{changed[0]}: it was changed after the run had begun; what was measured of it is "
            "dropped: run it again"
        )


def reported(folder: Path) -> None:
    """Note that a run's report is written: the same command measures anew from now on."""
    found = record.read_run(folder)
    record.write_run(folder, found.model_copy(update={"is_reported": True}))


def _open(new: Run, results: Path, progress: Progress) -> tuple[Path, Run]:
    """The last run where it came to no end and asks the same of the same machine, else a new one.

    One that has all its rows but no report, or whose files were damaged since, is gone on with too.
    Samples of different machines never meet in one run: a ratio of theirs would mean nothing.
    """
    last = find.latest_run(results, new.suite)
    old = _readable(last, progress) if last else None
    if last and old:
        _refuse_namesake(last, old.real_suite(results), new.real_suite(results))
        problems = examine(last, old).problems if old.is_whole else {}
        if (problems or not old.is_whole) and _asks_the_same(old, new):
            differences = machine.differences(old.environment, new.environment)
            if not differences:
                return last, _gone_on_with(old, new, last)
            progress.note(f"not going on with {last}, which is of another machine: {differences}")
        if new.started < old.started:
            progress.note(f"{last} is dated later than now, {new.started}: is the clock right?")
    path = new_folder(results, new.suite, new.started)
    record.write_run(path, new)
    return path, new


def _refuse_namesake(last: Path, old: Path, new: Path) -> None:
    """Two suite files of one name would write over each other's report, and mix their histories."""
    if is_another(old, new):
        raise UserError(
            f"{last.parent} has runs of another suite file of this name, {old.absolute()}: rename "
            "one of them, or name another folder with --results"
        )


def _readable(folder: Path, progress: Progress) -> Run | None:
    try:
        return record.read_run(folder)
    except UserError as error:
        progress.note(f"{error}: a new run is begun")
        return None


def _asks_the_same(old: Run, new: Run) -> bool:
    """Whether rows of the one are rows of the other, whatever is said and decided of them."""
    free = (*_SAID, "environment", "started", "finished", "files", "is_reported")
    new = record.readable(new)  # the old one has been read
    return old.model_copy(update={name: getattr(new, name) for name in free}) == new


def _gone_on_with(old: Run, new: Run, folder: Path) -> Run:
    """Its record, of today's words; what it has of rows is what lies there."""
    said = {name: getattr(new, name) for name in _SAID}
    found = old.model_copy(update={**said, "finished": None, "files": None})
    if found != old:
        record.write_run(folder, found)
    return found


def _describe(suite: Suite, jobs: tuple[Job, ...], dataset: dict[str, Any], results: Path) -> Run:
    return Run(
        suite=suite.name,
        suite_path=str(suite.path),
        suite_from_results=way(results, suite.path),
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
                **({"sweep": asdict(v.point)} if v.point else {}),
                "parents": list(v.parents),
                "torch": v.is_torch,
                "model": described_model(v),
                "options": options(v),
            }
            for v in suite.variants.values()
        },
        targets={name: target.model_dump(mode="json") for name, target in suite.targets.items()},
        shifts={name: one.described() for name, one in suite.shifts.items()},
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
