"""What a job has done so far, on disk, so that a killed one goes on: states of its trainings, parts
of longer work, and numbers that it measured. Never pickle: it runs code on loading.

A job's technique runs again from its beginning, and comes with the same net and random states to
each of its calls of the training loop: a digest of those stands in the file, beside one of the
machine's kind of arithmetic. Only a state with the same digest is taken; else the call trains from
its first epoch, which gives the same weights too.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from compbench.files import write_whole

EVERY_S = 30.0  # between two states: a training of seconds writes none
STORABLE = frozenset(  # types that safetensors knows
    {
        *(torch.float64, torch.float32, torch.float16, torch.bfloat16),
        *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
    }
)
_STATE = "state"


@dataclass(frozen=True)
class Saved:
    """A state: tensors by name, and what JSON can hold."""

    tensors: dict[str, Tensor]
    plain: dict[str, Any]


class Unfinished:
    """The states of one job, a file for each of its calls of the training loop, or other work."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._written = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether it is long ago that a state was written, or the job began."""
        return time.monotonic() - self._written >= EVERY_S

    def write(self, call: int | str, digest: str, saved: Saved) -> None:
        """Replace the state of a call, or of work of this name, whole or not at all."""
        state = json.dumps({"digest": digest, **saved.plain})
        tensors = {n: t.detach().cpu().contiguous().clone() for n, t in saved.tensors.items()}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(self._path(call), save(tensors, metadata={_STATE: state}))
        self._written = time.monotonic()

    def read(self, call: int | str, digest: str) -> Saved | None:
        """The state of a call that began so; None where there is none, or none that can be read."""
        try:
            with safe_open(str(self._path(call)), "pt") as file:
                plain = json.loads(file.metadata()[_STATE])
                if plain.pop("digest") != digest:
                    return None
                return Saved({name: file.get_tensor(name) for name in file.keys()}, plain)
        except (OSError, SafetensorError, KeyError, ValueError):
            return None

    def number(self, what: str, find: Callable[[], float]) -> float:
        """What was found before under this name; else what `find` gives, which is kept."""
        path = self.folder / f"{_name(what)}.json"
        with suppress(OSError, ValueError, KeyError, TypeError):
            return float(json.loads(path.read_bytes())[what])
        found = find()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({what: found}).encode())
        return found

    def remove(self) -> None:
        """Forget the job."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, call: int | str) -> Path:
        return self.folder / f"{_name(call)}.safetensors"


def _name(what: int | str) -> str:
    """A file's name: of a call its number, else any words as a digest."""
    return f"{what}" if isinstance(what, int) else hashlib.sha256(what.encode()).hexdigest()[:32]


def digest(tensors: Mapping[str, Tensor], *further: Any) -> str:
    """A sha256 over tensors, plain values, and what of this machine may show in the last bits."""
    found = hashlib.sha256()
    machine = (torch.__version__, torch.backends.cpu.get_cpu_capability(), torch.get_num_threads())
    found.update(json.dumps([*further, *machine], sort_keys=True, default=str).encode())
    for name, tensor in tensors.items():
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        found.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
