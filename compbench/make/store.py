"""key -> folder: written under a temporary name, checksummed, renamed; verified when read."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from compbench import seal
from compbench.errors import UserError
from compbench.file_name import FileName
from compbench.files import TEMPORARY, remove_whole, sha256, write_synced
from compbench.make.lock import locked

MODEL = "model.onnx"
CHECKPOINT = "checkpoint.safetensors"  # of torch techniques only
HISTORY = "history.json"  # of what was trained
LOGITS = "logits.npy"  # of the torch module on the test samples: the reference of parity
MANIFEST = "manifest.json"
FORGOTTEN_S = 7 * 86_400.0  # after so long nobody goes on with a training that was stopped
UNFINISHED = "unfinished"  # beside the artifacts: trainings that are under way, by key


SEALED = 2  # the format of manifests since they have a checksum


class Manifest(BaseModel):
    """What an artifact is, where it came from and what it cost."""

    model_config = ConfigDict(frozen=True)

    format: int = SEALED
    key: FileName
    variant: str
    technique: str
    seed: int
    parents: tuple[str, ...]  # keys
    files: dict[FileName, str]  # name -> sha256
    versions: dict[str, str]
    parts: dict[str, Any] = {}  # all that its key was made of; empty in old artifacts
    made_at: str  # UTC, ISO 8601
    seconds: float  # wall time of the whole job
    samples_seen: int  # by the training loop
    asking_seconds: float | None = None  # of teachers, for all samples at once; 0: for each batch
    chosen_epoch: int | None  # best by validation accuracy
    notes: tuple[str, ...] = ()  # what its technique said, of layers that it left as they are


@dataclass(frozen=True)
class Artifact:
    """A finished job's folder."""

    folder: Path
    manifest: Manifest

    def read(self, name: str) -> bytes:
        """The bytes of one of its files."""
        return (self.folder / name).read_bytes()

    def path(self, name: str) -> Path:
        """Where one of its files is."""
        return self.folder / name


class Store:
    """The artifacts under `root/artifacts`, each in a folder called by its key."""

    def __init__(self, root: Path):
        self.root = root / "artifacts"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """One run at a time writes here. Raises UserError where another one does."""
        self.root.mkdir(parents=True, exist_ok=True)
        with locked(self.root) as is_ours:
            if not is_ours:
                raise UserError(
                    f"another compbench run is writing to {self.root.parent}; wait for it to end, "
                    "or name another folder with --results"
                )
            self._remove_leftovers()
            yield

    def has_any(self) -> bool:
        """Whether anything was ever made."""
        return bool(self.folders())

    def manifests(self) -> Iterator[Manifest]:
        """Those of all artifacts; what can't be read is left out, and files are not verified."""
        for folder in self.folders():
            with suppress(OSError, ValueError, UserError):
                manifest = _manifest(folder / MANIFEST)
                if manifest.key == folder.name and not folder.is_symlink():
                    yield manifest

    def find(self, key: str) -> Artifact | None:
        """The artifact with this key, its checksums verified; None where it is absent or damaged.

        Damage is warned of; the folder stays as it is until `put` replaces it. Raises UserError
        where a link or a file is in its place, which is nobody's to follow or to remove.
        """
        folder = self.root / key
        _refuse_odd(folder)
        if not folder.is_dir():
            return None
        try:
            return _verified(folder)
        except ValueError as problem:
            warnings.warn(f"{folder} is damaged ({problem}) and will be made again", stacklevel=2)
            return None

    def problem(self, key: str) -> str:
        """What is wrong with an artifact that was written once; nothing where it is whole."""
        folder = self.root / key
        try:
            _refuse_odd(folder)
            _verified(folder)
        except UserError as error:
            return str(error)
        except ValueError as problem:
            return f"{folder} is damaged: {problem}"
        return ""

    def folders(self) -> list[Path]:
        """Where artifacts are, or should be: all that has a key for a name."""
        return sorted(path for path in self.root.glob("*") if not path.name.startswith("."))

    def need(self, key: str, what: str, again: str) -> Artifact:
        """The artifact with this key; `what` it is of, and the command that makes it again.

        Raises UserError where it is absent or damaged.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                found = self.find(key)
            except UserWarning as damage:
                raise UserError(f"{damage}, by: {again}") from None
        if found is None:
            raise UserError(f"the artifact of {what} is not in {self.root}; make it: {again}")
        return found

    def unfinished(self, key: str) -> Path:
        """Where the trainings of a job that is under way are kept, till it is put here."""
        return self.root.parent / UNFINISHED / key

    def trainings(self) -> list[Path]:
        """Where trainings are kept that are under way, or were when a run was stopped."""
        return sorted(self.unfinished("").glob("*"))

    def remove(self, folder: Path) -> None:
        """Take away the folder of an artifact, or of a training: as a whole or not at all."""
        left = self.root / f"{TEMPORARY}{folder.name}"
        os.replace(folder, left)
        remove_whole(left)

    def put(self, manifest: Manifest, files: dict[str, bytes]) -> Artifact:
        """Write an artifact whole or not at all; `manifest.files` is filled in here."""
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
        manifest = manifest.model_copy(update={"files": dict(sorted(sums.items()))})
        temporary = self.root / f"{TEMPORARY}{manifest.key}"
        folder = self.root / manifest.key
        _refuse_odd(folder)
        try:
            temporary.mkdir()
            for name, content in files.items():
                write_synced(temporary / name, content)
            text = seal.json_text(manifest.model_dump(mode="json"))
            write_synced(temporary / MANIFEST, text)
            if folder.exists():
                shutil.rmtree(folder)
            os.replace(temporary, folder)
            shutil.rmtree(self.unfinished(manifest.key), ignore_errors=True)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            raise
        return Artifact(folder, manifest)

    def _remove_leftovers(self) -> None:
        for leftover in self.root.glob(f"{TEMPORARY}*"):
            remove_whole(leftover)
        for folder in self.trainings():
            if time.time() - folder.lstat().st_mtime > FORGOTTEN_S:
                remove_whole(folder)


def store_of(run: Path, results: Path) -> Store:
    """The store that a run's artifacts lie in: beside it, or else under `results`."""
    beside = run.absolute().parents[2]
    return Store(beside if Store(beside).root.is_dir() else results)


def _refuse_odd(folder: Path) -> None:
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        what = "a link" if folder.is_symlink() else "a file"
        raise UserError(f"{folder} is {what} where an artifact's folder should be: take it away")


def _verified(folder: Path) -> Artifact:
    """Raises ValueError with what is wrong."""
    try:
        manifest = _manifest(folder / MANIFEST)
    except (OSError, ValueError, UserError):
        raise ValueError("it has no readable manifest") from None
    for problem in _differences(folder, manifest):
        raise ValueError(problem)
    return Artifact(folder, manifest)


def _manifest(path: Path) -> Manifest:
    """Raises ValueError where it is damaged."""
    return Manifest(**seal.read_object(path, sealed_since=SEALED, newest=SEALED))


def _differences(folder: Path, manifest: Manifest) -> Iterator[str]:
    if manifest.key != folder.name:
        yield f"it is of another key, {manifest.key}"
    if not manifest.files:
        yield "it has no files"
    for name, wanted in manifest.files.items():
        path = folder / name
        if path.is_symlink():
            yield f"{name} is a link"
        elif not path.is_file():
            yield f"{name} is missing"
        elif sha256(path) != wanted:
            yield f"{name} differs from its checksum"
