"""`compbench check`: a suite's variants as a tree, and which of them are made already.

Nothing is made, and torch is not imported.
"""

from __future__ import annotations

from pathlib import Path

from rich.tree import Tree

from compbench.data import digest as data_digest
from compbench.make.store import Store
from compbench.suite import plan
from compbench.suite.plan import Job
from compbench.suite.read import Suite


def tree(suite: Suite, results: Path, data_dir: Path) -> Tree:
    """Each variant below its parent: its technique, and how many of its jobs are in the store."""
    digest = data_digest.digest(suite.dataset, data_dir)
    jobs = plan.plan(suite, digest or "absent")
    store = Store(results)
    there = {job.key for job in jobs if digest and store.find(job.key)}
    missing = len({job.key for job in jobs} - there)
    where = f"dataset {suite.dataset_name}"
    if digest is None:
        where += f" (not under {data_dir}: a run would download it)"
    seeds = ", ".join(map(str, suite.seeds))
    root = Tree(
        f"[bold]{suite.name}[/]: {where}; seeds {seeds}; targets {', '.join(suite.targets)}\n"
        f"{len(jobs)} jobs: {len(jobs) - missing} in the store, {missing} to make"
    )
    branches: dict[str, Tree] = {}
    for name, variant in suite.variants.items():
        own = [job for job in jobs if job.variant.name == name]
        also = f", also from {', '.join(variant.parents[1:])}" if variant.parents[1:] else ""
        label = f"{name} [dim]{variant.technique_name}{also}[/]  {_state(own, there)}"
        above = branches[variant.parents[0]] if variant.parents else root
        branches[name] = above.add(label)
    return root


def _state(jobs: list[Job], there: set[str]) -> str:
    count = sum(job.key in there for job in jobs)
    if count == len(jobs):
        return "[green]in the store[/]"
    return "to make" if count == 0 else f"{count} of {len(jobs)} in the store"
