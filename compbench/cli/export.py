"""`compbench export`: a variant's file, and beside it how to call it and what that needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from compbench.cli import usage
from compbench.errors import UserError, nearest, one_line
from compbench.files import refuse_unwritable, write_whole
from compbench.make.store import MODEL, store_of
from compbench.onnxfile import metadata
from compbench.results.folder import read_companions
from compbench.results.row_index import Rows
from compbench.statistics.scores import metric_interval
from compbench.table.stored_run import StoredRun

README = "README.md"


def export(
    stored: StoredRun, variant: str, path: Path, seed: int | None, results: Path
) -> list[Path]:
    """Copy a variant's file, and beside it the README and the dataset's companions: all or nothing.

    `path` is the file where it ends in .onnx, else a folder for it.

    Raises UserError for what the run does not have, and where a file is there already.
    """
    run = stored.run
    if variant not in run.variants:
        raise UserError(f"this run has no variant '{variant}'{nearest(variant, run.variants)}")
    if seed is not None and seed not in run.seeds:
        known = ", ".join(map(str, run.seeds))
        raise UserError(f"--seed: this run has no seed {seed}; known: {known}")
    seed = run.seeds[0] if seed is None else seed
    again = f"compbench run {run.suite_path}"
    key = _key(stored, variant, seed, again)
    artifact = store_of(stored.folder, results).need(key, f"'{variant}' (seed {seed})", again)
    content = artifact.read(MODEL)
    told = metadata.read(content)
    if not told:
        raise UserError(
            f"the file of '{variant}' was made by a compbench whose files did not say how they are "
            f"called; make it again: {again}"
        )
    model = path if path.suffix == ".onnx" else path / f"{variant}.onnx"
    about = usage.About(variant, seed, run, str(stored.folder), _measured(stored, variant, seed))
    try:
        page = usage.readme(model.name, told, about)
    except (LookupError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise UserError(
            f"what the file of '{variant}' says of itself is not as compbench writes it: "
            f"{type(error).__name__}: {one_line(str(error))}"
        ) from error
    companions = read_companions(stored.folder)
    files = {model.name: content, README: page.encode(), **companions}
    _refuse_overwriting(model.parent, files)
    _write_all(model.parent, files)
    return [model.parent / name for name in files]


def _key(stored: StoredRun, variant: str, seed: int, again: str) -> str:
    """The key of what was made. Raises UserError where it failed, or was not made yet."""
    rows = [r for r in stored.rows if (r.variant, r.seed) == (variant, seed)]
    lost = next((r for r in rows if r.metric == "status" and not r.target), None)
    if lost is not None:
        raise UserError(f"'{variant}' (seed {seed}) has no file: {lost.reason}")
    if not rows:
        raise UserError(f"{stored.folder} has no rows of '{variant}' (seed {seed}); run: {again}")
    return rows[0].key


def _measured(stored: StoredRun, variant: str, seed: int) -> dict[str, usage.Measured]:
    """Target -> how good this very file was on the test samples there."""
    rows = Rows(row for row in stored.rows if row.seed == seed)
    found = {}
    for target in stored.run.targets:
        for row in rows.of(variant, "score", target):
            scores = np.asarray(row.samples["score"])
            found[target] = usage.Measured(
                metric_interval([scores], stored.run.headline), len(scores)
            )
    return found


def _refuse_overwriting(folder: Path, names: Iterable[str]) -> None:
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise UserError(f"{path} is a file, no folder; name another place, or x.onnx in one")
    for path in (folder / name for name in names):
        if path.exists():
            raise UserError(f"{path} is there already; name another folder, or remove it first")
    refuse_unwritable(folder, "PATH")


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write all of them; where one fails, nothing of this stays, new folders neither."""
    with ExitStack() as undone:
        for new in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
            new.mkdir()
            undone.callback(new.rmdir)
        for name in reversed([*files]):  # the model last
            write_whole(folder / name, files[name])
            undone.callback((folder / name).unlink)
        undone.pop_all()
