"""Arrays that are mapped into memory, by where they lie: another process maps them as well."""

from __future__ import annotations

import json
import mmap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compbench.errors import JobFailed


def place(array: np.memmap[Any, Any]) -> NDArray[np.uint8]:
    """Where a mapped array, or a part of one, lies, as text in bytes."""
    mapped = getattr(array, "_mmap", None)  # a part has its whole's, and its offset
    if mapped is None or not array.flags.c_contiguous:
        raise ValueError("it is no part of a file that lies in it as it is")
    begin = array.offset - array.offset % mmap.ALLOCATIONGRANULARITY
    inside = array.ctypes.data - np.frombuffer(mapped, np.uint8).ctypes.data
    found = {
        "file": str(array.filename),
        "offset": begin + inside,
        "dtype": array.dtype.str,
        "shape": array.shape,
    }
    return np.frombuffer(json.dumps(found).encode(), np.uint8)


def at(place: NDArray[np.uint8]) -> np.memmap[Any, Any]:
    """The array there. Raises JobFailed where the file is gone, or shorter."""
    told = json.loads(place.tobytes())
    try:
        return np.memmap(told["file"], told["dtype"], "r", told["offset"], tuple(told["shape"]))
    except (OSError, ValueError) as error:
        raise JobFailed(f"{told['file']} was changed while it was in use: {error}") from error
