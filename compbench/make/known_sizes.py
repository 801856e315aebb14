"""What a file's bytes alone decide, coded once for these bytes: kept under the results."""

from __future__ import annotations

import hashlib
import json
import warnings
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from compbench.files import write_whole
from compbench.onnxfile import size
from compbench.registry.fingerprint import Sources
from compbench.runtime.process import Arrays, Worker

FOLDER = "sizes"


class KnownSizes:
    """The sizes of files by their checksums, as this version of the code measures them."""

    def __init__(self, results: Path):
        self._folder = results / FOLDER

    def of(self, path: Path, sha256: str, worker: Worker) -> Arrays:
        """The size of the file at a path: `size.measured`, in the worker's process if it is new.

        Raises JobFailed where the file can't be read.
        """
        place = self._folder / f"{sha256}-{self._version}.json"
        if place.exists():
            try:
                return _read(place.read_bytes())
            except (ValueError, KeyError, TypeError) as error:
                warnings.warn(f"{place} is damaged ({error}): measured again", stacklevel=2)
        found = worker.call(size.measured, {"file": str(path)}, silent_s=0)
        place.parent.mkdir(exist_ok=True)
        write_whole(place, _written(found))
        return found

    @cached_property
    def _version(self) -> str:
        """A digest of all code, and the libraries, that decide a size."""
        taken = Sources().of(modules=[size.__name__])
        parts = [dict(taken.modules), dict(taken.libraries)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _written(found: Arrays) -> bytes:
    values = {name: [array.dtype.str, array.tolist()] for name, array in found.items()}
    return json.dumps({"values": values, "sha256": _checksum(values)}).encode() + b"\n"


def _read(content: bytes) -> Arrays:
    """Raises ValueError, KeyError or TypeError where it is not as it was written."""
    kept = json.loads(content)
    if kept["sha256"] != _checksum(kept["values"]):
        raise ValueError("its checksum differs")
    return {name: np.array(value, kind) for name, (kind, value) in kept["values"].items()}


def _checksum(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
