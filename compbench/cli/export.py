"""`compbench export`: a variant's file, and beside it how to call it."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from compbench.cli import usage
from compbench.errors import UserError, nearest
from compbench.files import refuse_unwritable, write_whole
from compbench.make.store import MODEL, store_of
from compbench.onnxfile import metadata
from compbench.results.row_index import Rows
from compbench.statistics.scores import metric_interval
from compbench.table.stored_run import StoredRun

README = "README.md"


@dataclass(frozen=True)
class Places:
    """Where the two files go."""

    model: Path
    readme: Path

    @staticmethod
    def of(path: Path, variant: str) -> Places:
        """`path` is the file where it ends in .onnx, else a folder for it."""
        model = path if path.suffix == ".onnx" else path / f"{variant}.onnx"
        return Places(model, model.parent / README)


def export(
    stored: StoredRun, variant: str, path: Path, seed: int | None, results: Path
) -> tuple[Path, Path]:
    """Copy a variant's file, and write the README beside it; both or nothing.

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
    places = Places.of(path, variant)
    _refuse_overwriting(places)
    about = usage.About(variant, seed, run, str(stored.folder), _measured(stored, variant, seed))
    _write_both(places, content, usage.readme(places.model.name, told, about))
    return places.model, places.readme


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


def _refuse_overwriting(places: Places) -> None:
    folder = places.model.parent
    for path in (folder, *folder.parents):
        if path.exists() and not path.is_dir():
            raise UserError(f"{path} is a file, no folder; name another place, or x.onnx in one")
    for path in (places.model, places.readme):
        if path.exists():
            raise UserError(f"{path} is there already; name another folder, or remove it first")
    refuse_unwritable(folder, "PATH")


def _write_both(places: Places, content: bytes, text: str) -> None:
    """Write both files; where one fails, nothing of this stays, new folders neither."""
    with ExitStack() as undone:
        folder = places.model.parent
        for new in reversed([p for p in (folder, *folder.parents) if not p.exists()]):
            new.mkdir()
            undone.callback(new.rmdir)
        for path, bytes_of in ((places.readme, text.encode()), (places.model, content)):
            write_whole(path, bytes_of)
            undone.callback(path.unlink)
        undone.pop_all()
