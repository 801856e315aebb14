"""A tiny run on digits, with its artifacts: a teacher, its students, and one that failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from compbench.contracts import kinds
from compbench.data import digest, splits
from compbench.data.splits import Data
from compbench.make import job as make_job
from compbench.make import rewrite
from compbench.make.store import Store
from compbench.results.folder import new_folder, write_rows
from compbench.results.record import write_run
from compbench.runtime.process import Worker
from compbench.suite import plan, read
from tests.factory import lineage, make_row, make_run, status_row, with_keys

SUITE = """
dataset = "digits"
[variants.teacher]
technique = "train"
model = { name = "mlp", hidden = [32] }
epochs = 6
[variants.student]
technique = "distill"
parent = "teacher"
model = { name = "mlp", hidden = [8] }
epochs = 6
[variants.student_int8]
technique = "quantize_dynamic"
parent = "student"
[variants.alone]
technique = "train"
model = { name = "mlp", hidden = [8] }
epochs = 3
"""
VARIANTS = {
    "teacher": lineage(),
    "student": lineage("distill", "teacher"),
    "student_int8": lineage("quantize_dynamic", "student"),
    "alone": lineage(),
    "lost": lineage("distill", "teacher"),
}


def data(folder: Path) -> Data:
    """Digits, which needs no file."""
    return splits.load(kinds.dataset("digits"), folder)


def made_run(folder: Path, **changes: Any) -> Path:
    """The results of the run, called "mine"."""
    path = folder / "mine.toml"
    path.write_text(SUITE)
    loaded, store = data(folder), Store(folder / "results")
    store.root.mkdir(parents=True)
    dataset = digest.record("digits", loaded)
    rows, artifacts = [status_row("lost", "it did not converge")], {}
    with Worker(rewrite.arrays(loaded)) as worker:
        for job in plan.plan(read.load(path), dataset["digest"]):
            above = [artifacts[key] for key in job.parent_keys]
            parents = [make_job.Parent(one, job.variant.root_model) for one in above]
            made = make_job.make(job, parents, loaded, lambda *_: None, worker)
            artifacts[job.key] = store.put(*made)
            rows.append(replace(make_row(job.variant.name, "size_bytes", 1.0), key=job.key))
    run = with_keys(make_run(VARIANTS, **{"dataset": dataset, **changes}), rows)
    place = new_folder(folder / "results", run.suite, run.started)
    write_run(place, run)
    write_rows(place, "all", rows)
    return folder / "results"
