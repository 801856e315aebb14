"""A recorded run -> the files that are compared, and the samples that were held out from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compbench.contracts import kinds
from compbench.data import digest, samples, splits
from compbench.data.splits import Data
from compbench.errors import UserError, nearest
from compbench.make.store import MODEL, Store, store_of
from compbench.results.dataset import TEST
from compbench.results.find import suite_file
from compbench.results.folder import examine
from compbench.results.record import Run, read_run
from compbench.results.row import Row
from compbench.statistics import lineage


@dataclass(frozen=True)
class Pair:
    """A variant's file and that of the model it is compared with."""

    variant: str
    beside: str
    files: tuple[Path, Path]  # the other's, its own


@dataclass(frozen=True)
class Subject:
    """A finished run, the files to compare, of its first seed, and what was left out and why."""

    folder: Path
    run: Run
    pairs: tuple[Pair, ...]
    left_out: tuple[str, ...] = ()

    @property
    def suite_file(self) -> Path | None:
        """See `results.find.suite_file`."""
        return suite_file(self.run.suite_path, self.folder)


def subject(folder: Path, results: Path, asked: Sequence[str] = ()) -> Subject:
    """The pairs of a run: `asked` variants, else all that have a teacher, else all.

    A variant is beside the teacher that it learnt from, or that what it was made from learnt from;
    beside the baseline where there is none. Files lie in the store beside the run, or else under
    `results`. Raises UserError where the run is not finished, or a file that is needed is gone.
    """
    run = read_run(folder)
    again = f"compbench run {run.suite_path}"
    if run.finished is None:
        raise UserError(f"{folder} was stopped before its end; go on with: {again}")
    found = examine(folder, run)
    for problem in found.problems.values():
        raise UserError(f"{problem}; measure it again: {again}")
    wanted = _wanted(run, asked)
    rows = [row for row in found.rows if row.seed == run.seeds[0]]
    lost = {r.variant: r.reason for r in rows if r.metric == "status" and not r.target}
    for name in asked:
        for needed in (name, wanted[name]):
            if needed in lost:
                raise UserError(f"'{needed}' (seed {run.seeds[0]}) has no file: {lost[needed]}")
    there = {v: beside for v, beside in wanted.items() if not {v, beside} & lost.keys()}
    if not there:
        name = next(name for pair in wanted.items() for name in pair if name in lost)
        raise UserError(f"{folder} has nothing to compare: '{name}' failed: {lost[name]}")
    files = _files(run, {*there, *there.values()}, rows, store_of(folder, results), again)
    pairs = tuple(Pair(v, beside, (files[beside], files[v])) for v, beside in there.items())
    return Subject(folder, run, pairs, tuple(f"{v} failed" for v in wanted if v not in there))


def _wanted(run: Run, asked: Sequence[str]) -> dict[str, str]:
    """Each variant that is compared -> what it is compared with. Raises UserError."""
    for name in asked:
        if name not in run.variants:
            raise UserError(
                f"--variant: this run has no variant '{name}'{nearest(name, run.variants)}"
            )
        if name == run.baseline and teacher(run, name) is None:
            raise UserError(
                f"--variant: '{name}' is the baseline: it has no teacher to be compared with"
            )
    teachers = {name: teacher(run, name) for name in asked or run.variants}
    found = {name: above or run.baseline for name, above in teachers.items()}
    if asked:
        return found
    taught = {name: found[name] for name, above in teachers.items() if above}
    others = {name: beside for name, beside in found.items() if name != beside}
    if not taught and not others:
        raise UserError(f"this run has '{run.baseline}' alone: there is nothing to compare it with")
    return taught or others


def teacher(run: Run, variant: str) -> str | None:
    """Who taught a variant, or what it was made from, step by step; None where nobody did."""
    name: str | None = variant
    while name is not None:
        found = lineage.teacher(run, name)
        if found is not None:
            return found
        name = lineage.made_from(run, name)
    return None


def _files(
    run: Run, names: set[str], rows: Sequence[Row], store: Store, again: str
) -> Mapping[str, Path]:
    """Each variant's checked file. Raises UserError where it is not there, or is damaged."""
    keys = {row.variant: row.key for row in rows}
    found = {}
    for name in (name for name in run.variants if name in names):
        if name not in keys:
            raise UserError(f"the run has no rows of '{name}'; run again: {again}")
        found[name] = store.need(keys[name], f"'{name}'", again).path(MODEL)
    return found


def held_out(found: Subject, data_dir: Path) -> tuple[Data, str]:
    """The run's own data, from this machine's copy, and what is unsure of it, if anything.

    Raises UserError where the dataset is not here, or is another than the run's.
    """
    about, suite = found.run.dataset, found.suite_file
    name = about["name"]
    source = kinds.recorded_dataset(name, about.get("options", {}), suite)
    if samples.fingerprint(source, data_dir) is None:
        raise UserError(
            f"{name}, whose held-out samples new ones are compared with, is not under {data_dir}; "
            "name its folder with --data-dir or COMPBENCH_DATA"
        )
    loaded = splits.load(source, data_dir, kinds.recorded_task(found.run.task, source, suite))
    here = digest.record(name, loaded)
    if here["digest"] == about.get("digest"):
        return loaded, ""
    if TEST not in about:
        return loaded, (
            f"whether {name} under {data_dir} has the run's held-out samples is unknown: it is of "
            "before they had digests of their own"
        )
    raise UserError(
        f"{name} under {data_dir} is not the data of {found.folder}: its digest is "
        f"{here['digest'][:12]}…, the run's {str(about.get('digest'))[:12]}…; run the suite again"
    )
