"""`compbench check`: a suite's variants as a tree, and which of them are made already.

Nothing is made. Torch is not imported, unless the dataset has to be loaded for its digest and its
reader needs it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from compbench.contracts.inputs import signature_from
from compbench.data import cache, digest, samples, splits
from compbench.errors import printable
from compbench.files import folder_bytes
from compbench.make.store import Manifest, Store
from compbench.suite import plan
from compbench.suite.imports import imports
from compbench.suite.key import unlike
from compbench.suite.plan import Job
from compbench.suite.read import Suite
from compbench.suite.shifts import refuse_misfits
from compbench.units import bytes_text, counted

_REASONS = 3  # as many are named


def tree(suite: Suite, results: Path, data_dir: Path) -> Tree:
    """Each variant below its parent: its technique, and how many of its jobs are in the store."""
    with cache.fallback(results):
        return _tree(suite, results, data_dir)


def named_code(path: Path) -> Table | str:
    """What a suite file would run of code that is not compbench's; none of it is run."""
    found = imports(path)
    if not found:
        return f"{path} names no code: all that it uses is compbench's"
    table = Table("key", "names", "whose code lies in", box=None, pad_edge=False)
    for one in found:
        table.add_row(*map(printable, (one.key, one.path, one.place or "not found")))
    return table


def _tree(suite: Suite, results: Path, data_dir: Path) -> Tree:
    store = Store(results)
    content = samples.fingerprint(suite.dataset, data_dir)
    is_needed = store.has_any() or suite.shifts
    found = _record(suite, content, results, data_dir) if content and is_needed else None
    known: str | None = found["digest"] if found else None
    if found:
        inputs = signature_from({"output": suite.task.output, **found}).inputs
        refuse_misfits(suite.path, suite.shifts, inputs)
    jobs = plan.plan(suite, known or "unknown", data_dir)
    there = {job.key for job in jobs if known and store.find(job.key)}
    missing = len({job.key for job in jobs} - there)
    where = f"dataset {suite.dataset_name}"
    if content is None:
        where += f" (not under {data_dir}: a run would download it)"
    seeds = ", ".join(map(str, suite.seeds))
    root = Tree(
        Text.assemble(
            (suite.name, "bold"),
            f": {where}; seeds {seeds}; targets {', '.join(suite.targets)}{_shifts(suite)}\n",
            f"{counted(len(jobs), 'job')}: {len(jobs) - missing} in the store, {missing} to make",
            _size(store),
        )
    )
    made = [m for m in store.manifests() if m.parts] if missing else []
    branches: dict[str, Tree] = {}
    for name, variant in suite.variants.items():
        own = [job for job in jobs if job.variant.name == name]
        also = f", also from {', '.join(variant.parents[1:])}" if variant.parents[1:] else ""
        what = (f" {variant.technique_name}{also}  ", "dim")
        why = (_why(own, there, made), "dim")
        label = Text.assemble(name, what, _state(own, there), why)
        above = branches[variant.parents[0]] if variant.parents else root
        branches[name] = above.add(label)
    return root


def _shifts(suite: Suite) -> str:
    return f"; shifts {', '.join(suite.shifts)}" if suite.shifts else ""


def _size(store: Store) -> str:
    if not store.has_any():
        return ""
    count, size = len(store.folders()), folder_bytes(store.root)
    return f"\nthe store {store.root}: {counted(count, 'artifact')}, {bytes_text(size)}"


def _record(suite: Suite, content: str, results: Path, data_dir: Path) -> dict[str, Any]:
    """That of the dataset, which is loaded once where these files never were."""
    known = digest.known_record(suite.dataset, suite.task, content, results)
    if known is not None:
        return known
    found = digest.record(suite.dataset_name, splits.load(suite.dataset, data_dir, suite.task))
    digest.remember(found, suite.dataset, suite.task, content, results)
    return found


def _state(jobs: list[Job], there: set[str]) -> tuple[str, str]:
    count = sum(job.key in there for job in jobs)
    if count == len(jobs):
        return "in the store", "green"
    return "to make" if count == 0 else f"{count} of {len(jobs)} in the store", ""


def _why(jobs: list[Job], there: set[str], made: list[Manifest]) -> str:
    """What has changed since the variant was last made, by its most similar artifact."""
    for job in (job for job in jobs if job.key not in there):
        alike = [m for m in made if (m.variant, m.seed) == (job.variant.name, job.seed)]
        found = [[*unlike(manifest.parts, job.parts)] for manifest in alike]
        if found:
            nearest = min(found, key=len)
            more = f", and {len(nearest) - _REASONS} more" if len(nearest) > _REASONS else ""
            return f" (changed: {', '.join(nearest[:_REASONS])}{more})"
    return ""
