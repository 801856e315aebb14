"""Finished runs with artifacts whose files are made up, for baselines and gates."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compbench.make.store import MODEL, Manifest, Store
from compbench.results import record
from compbench.results.folder import new_folder, write_rows
from compbench.results.row import Row
from tests.factory import lineage, make_run, status_row, variant_rows, with_keys

FILES = {"teacher": b"t" * 400, "student": b"s" * 100}


def write_run(
    folder: Path, files: Mapping[str, bytes] = FILES, lost: Mapping[str, str] = {}, **changes: Any
) -> Path:
    """A run's folder under `folder`/runs, and its artifacts; what is lost failed everywhere."""
    run = make_run({name: lineage() for name in (*files, *lost)}, **changes)
    store = Store(folder)
    store.root.mkdir(parents=True, exist_ok=True)
    rows: list[Row] = [status_row(name, reason, seed=run.seeds[0]) for name, reason in lost.items()]
    for name, content in files.items():
        rows += variant_rows(run, name, size_bytes=len(content))
        for seed in run.seeds:
            store.put(manifest(f"{name}-{seed}", name, seed), {MODEL: content})
    path = new_folder(folder, run.suite, run.started)
    record.write_run(path, with_keys(run, rows))
    write_rows(path, "all", rows)
    return path


def manifest(key: str, variant: str, seed: int) -> Manifest:
    return Manifest(
        key=key,
        variant=variant,
        technique="train",
        seed=seed,
        parents=(),
        files={},
        versions={},
        made_at="2026-01-02T03:04:05+00:00",
        seconds=1,
        samples_seen=0,
        chosen_epoch=None,
    )
