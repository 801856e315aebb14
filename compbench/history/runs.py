"""A suite's runs, each summarised once; raw samples are left behind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compbench.contracts.metric import Condition
from compbench.errors import UserError
from compbench.results.dataset import TEST, UNTOLD, same_test_samples
from compbench.results.find import find_run, runs_beside
from compbench.results.folder import read_rows
from compbench.results.record import Run, became, read_run
from compbench.runtime.machine import FIELDS, MACHINE
from compbench.statistics.summarise import summarise
from compbench.statistics.summary import Summaries


@dataclass(frozen=True)
class Moment:
    """A finished run: its folder's name, its summaries, and the files that they are of."""

    name: str
    run: Run
    summaries: Summaries
    files: Mapping[str, frozenset[tuple[int, str, str]]]  # variant -> seed, key, sha256 of each

    @property
    def commit(self) -> str:
        """The git commit, as short as it was recorded; empty where it is unknown."""
        return self.run.environment.get("git_commit") or ""

    @property
    def short_commit(self) -> str:
        """Seven digits of the commit, + where the tree had changes."""
        commit, _, dirty = self.commit.partition("-")
        return (commit[:7] + ("+" if dirty else "")) or "–"

    @property
    def when(self) -> str:
        """When the run began, UTC: 2026-01-02 03:04."""
        return self.run.started[:16].replace("T", " ")


@dataclass(frozen=True)
class Moments:
    """The whole runs of a suite in the order of time, and what is left out."""

    finished: tuple[Moment, ...]
    unfinished: tuple[str, ...]  # names of runs
    damaged: tuple[str, ...] = ()  # a line each


def read(results: Path, name: str) -> Moments:
    """All runs of a suite, by its name, its file, or one run's folder.

    Raises UserError where there is no finished one.
    """
    newest = find_run(results, name)
    finished, unfinished, damaged = [], [], []
    for folder in runs_beside(newest):
        try:
            run = read_run(folder)
            if run.finished:
                finished.append(_read(folder, run))
            else:
                unfinished.append(folder.name)
        except UserError as error:
            damaged.append(str(error))
    if not finished:
        for problem in damaged:
            raise UserError(problem)
        run = read_run(newest)
        raise UserError(f"no run of '{run.suite}' has ended; go on with: {_again(run)}")
    return Moments(tuple(finished), tuple(unfinished), tuple(damaged))


def _again(run: Run) -> str:
    return f"compbench run {run.suite_path}"


def _read(folder: Path, run: Run) -> Moment:
    rows = read_rows(folder, run)
    files: dict[str, set[tuple[int, str, str]]] = defaultdict(set)
    for row in rows:
        if row.metric == "file" and row.status == "ok":
            files[row.variant].add((row.seed, row.key, str(row.samples["sha256"][0])))
    frozen = {variant: frozenset(found) for variant, found in files.items()}
    return Moment(folder.name, run, summarise(run, rows), frozen)


def unlike(a: Moment, b: Moment, target: str) -> dict[Condition, str]:
    """What is not alike in two runs, of what decides whether values can be compared."""
    said: dict[Condition, str] = {
        "machine": "; ".join(became(_machine(a.run), _machine(b.run))),
        "target": "; ".join(became(_target(a.run, target), _target(b.run, target))),
        "baseline": "; ".join(became({"baseline": a.run.baseline}, {"baseline": b.run.baseline})),
        "dataset": _other_samples(a.run.dataset, b.run.dataset),
    }
    return {condition: text for condition, text in said.items() if text}


def remade(a: Moment, b: Moment, variant: str) -> str:
    """What became of a variant's file: empty where it is the same, or where one is not known."""
    one, other = a.files.get(variant), b.files.get(variant)
    if not one or not other or one == other:
        return ""
    if a.run.variants[variant] != b.run.variants[variant]:
        return "another recipe"
    return "other seeds" if a.run.seeds != b.run.seeds else "rebuilt"


def _machine(run: Run) -> dict[str, object]:
    return {FIELDS[name]: run.environment.get(name) for name in MACHINE}


def _target(run: Run, name: str) -> dict[str, object]:
    return {"protocol": run.protocol, **run.targets.get(name, {})}


def _other_samples(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    """How the test samples differ; empty where they are the same."""
    same = same_test_samples(a, b)
    if same is None:
        return f"perhaps: {UNTOLD}"
    names = ("name", TEST) if TEST in a and TEST in b else ("name", "digest")
    return "" if same else "; ".join(became(*({n: x.get(n) for n in names} for x in (a, b))))
