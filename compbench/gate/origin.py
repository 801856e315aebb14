"""Where a deployed file came from, by what it says of itself, and whether that is still so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from compbench.errors import UserError, one_line
from compbench.file_name import FileName
from compbench.files import sha256
from compbench.make.store import MODEL, Store
from compbench.onnxfile import metadata
from compbench.results.needed import run_folders
from compbench.results.record import Run, read_run


class Step(BaseModel):
    """One artifact of a lineage, as a file names it."""

    model_config = ConfigDict(frozen=True)

    technique: str
    key: FileName
    parents: tuple[FileName, ...]


@dataclass(frozen=True)
class Place:
    """A run that has an artifact, and what it is called there."""

    folder: Path
    run: Run
    variant: str
    seed: int

    @property
    def text(self) -> str:
        """'student (seed 0) of mnist, on the dataset mnist'."""
        dataset = one_line(str(self.run.dataset.get("name", "?")))
        return f"{self.variant} (seed {self.seed}) of {self.run.suite}, on the dataset {dataset}"


def lineage(file: Path) -> list[Step]:
    """The file's ancestors, each before its children, and itself last.

    Raises UserError where it is no file that compbench made.
    """
    try:
        said = metadata.read(file.read_bytes())
    except DecodeError as error:
        raise UserError(f"{file} is no ONNX file") from error
    except OSError as error:
        raise UserError(f"{file} can't be read: {error.strerror}") from error
    try:
        steps = TypeAdapter(list[Step]).validate_json(said["lineage"])
    except (KeyError, ValidationError) as error:
        raise UserError(f"{file} does not say what it was made from, as compbench's do") from error
    if not steps or steps[-1].key != said.get("key"):
        raise UserError(f"{file} says two things of what it is: its lineage ends with another")
    return steps


def places(key: str, results: Path) -> list[Place]:
    """The runs that have the artifact of this key, the oldest first; damaged ones have nothing."""
    found = []
    for folder in run_folders(results):
        try:
            run = read_run(folder)
        except UserError:
            continue
        for variant, seed, own in keys(run):
            if own == key:
                found.append(Place(folder, run, variant, seed))
    return sorted(found, key=lambda place: place.run.started)


def problems(file: Path, steps: Sequence[Step], results: Path) -> Iterator[str]:
    """What is no longer as it was when the file was made, a line each."""
    store, own = Store(results), steps[-1]
    known = {folder.name for folder in store.folders()}
    place = store.root / own.key
    is_whole = own.key in known and not store.problem(own.key)
    if is_whole and sha256(place / MODEL) != sha256(file):
        yield f"{file} is not the file that {place} has: it was changed since"
    for step in steps[:-1]:
        if step.key not in known:
            yield f"what it was made from, {_told(step)}, is not in {store.root}"
        elif wrong := store.problem(step.key):
            yield f"what it was made from, {_told(step)}: {wrong}"
    yield from _made_anew(steps, results)


def _made_anew(steps: Sequence[Step], results: Path) -> Iterator[str]:
    """Whether its suite's newest run has other ancestors in the places of its own."""
    found = places(steps[-1].key, results)
    if not found:
        return
    there = found[-1]
    names = {key: variant for variant, seed, key in keys(there.run) if seed == there.seed}
    newest = [folder for folder in run_folders(results) if folder.parent == there.folder.parent][-1]
    if newest == there.folder:
        return
    now = {variant: key for variant, seed, key in keys(read_run(newest)) if seed == there.seed}
    for step in steps[:-1]:
        variant = names.get(step.key)
        if variant in now and now[variant] != step.key:
            yield (
                f"'{variant}' of {there.run.suite} is another by now: {step.key} became "
                f"{now[variant]} in {newest}"
            )


def keys(run: Run) -> Iterator[tuple[str, int, str]]:
    """Variant, seed and key of each job: keys are in the order of seeds, then of variants."""
    jobs = [(variant, seed) for seed in run.seeds for variant in run.variants]
    if len(jobs) == len(run.keys):
        for (variant, seed), key in zip(jobs, run.keys, strict=True):
            yield variant, seed, key


def _told(step: Step) -> str:
    return f"{step.key} ({one_line(step.technique, 60)})"
