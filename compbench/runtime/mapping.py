"""Arrays that are mapped into memory, by where they lie: another process maps them as well."""

from __future__ import annotations

import json
import mmap
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from compbench.errors import JobFailed


def can_be_shared(array: NDArray[Any]) -> TypeGuard[np.memmap[Any, Any]]:
    """Whether what it holds is what a file holds that is there, so that another process can map it.

    A copy on write is not, nor is a file without a name.
    """
    if not isinstance(array, np.memmap) or getattr(array, "_mmap", None) is None:
        return False
    return array.mode != "c" and array.filename is not None and Path(array.filename).is_file()


def place(array: np.memmap[Any, Any]) -> NDArray[np.uint8]:
    """Where a mapped array, or any view of one, lies, as text in bytes."""
    whole = np.frombuffer(getattr(array, "_mmap"), np.uint8)  # noqa: B009, numpy's own, untyped
    found = {
        "file": str(array.filename),
        "offset": array.offset - array.offset % mmap.ALLOCATIONGRANULARITY,  # of all that is mapped
        "bytes": len(whole),
        "first": array.ctypes.data - whole.ctypes.data,  # a view has its whole's offset
        "dtype": array.dtype.str,
        "shape": array.shape,
        "strides": array.strides,
    }
    return np.frombuffer(json.dumps(found).encode(), np.uint8)


def at(place: NDArray[np.uint8]) -> NDArray[Any]:
    """The array there. Raises JobFailed where the file is gone, or shorter."""
    told = json.loads(place.tobytes())
    dtype, first = np.dtype(told["dtype"]), told["first"]
    try:
        whole = np.memmap(told["file"], np.uint8, "r", told["offset"], (told["bytes"],))
    except (OSError, ValueError) as error:
        raise JobFailed(f"{told['file']} was changed while it was in use: {error}") from error
    one = whole[first : first + dtype.itemsize].view(dtype)
    return as_strided(one, told["shape"], told["strides"], subok=True, writeable=False)
